"""The program `coworker`, with one kind more."""

from coworker_pipelines.cli.main import main
from coworker_pipelines.connectors import registry
from tests.oauth.source import KIND

PLACE = ("tests.oauth.source", "LettingInConnector")

if __name__ == "__main__":
    registry._PLACES[KIND] = PLACE
    main()
