"""What every part speaks: ids, windows, time, errors and the log.

Belongs here: small values and vocabularies without a dependency on any other
package of the project. Does not: anything that knows a source, a store or Dagster.
"""
