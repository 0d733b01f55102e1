"""Ingestion of clients' work data: extract -> documents -> activities."""
