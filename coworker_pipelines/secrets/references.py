"""What the secrets of a connection are called, in every store.

They are apart because they have different writers, and none of these can read: a person gives
the source's, the control plane makes the access to our own stores, the refreshing of OAuth
tokens writes the token. A run reads these three of its own connection. The fourth, the grant
that tokens are got with, is the refresher's alone.
"""

from coworker_pipelines.kernel.scope import Scope


def source_reference(scope: Scope) -> str:
    """The sensitive settings of the source, by the names of the form's fields."""
    return f"source/{scope.tenant}/{scope.connection}"


def access_reference(scope: Scope) -> str:
    """What a run reaches our own stores with: keys of Elasticsearch, the database, the tenant."""
    return f"access/{scope.tenant}/{scope.connection}"


def token_reference(scope: Scope) -> str:
    """An OAuth access token that is good for a while, and until when."""
    return f"token/{scope.tenant}/{scope.connection}"


def grant_reference(scope: Scope, grant: str) -> str:
    """The OAuth refresh token and the client that it was given to.

    One for each authorisation: the control plane, which cannot read, adds the next without
    touching the one before, whose token is still needed to revoke it.
    """
    return f"grant/{scope.tenant}/{scope.connection}/{grant}"


def destination_reference(tenant: str, destination: str) -> str:
    """Where exactly a tenant lets something be sent, and by what the receiver knows us."""
    return f"destination/{tenant}/{destination}"
