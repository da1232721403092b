"""The console as the journey runs it: the real one, which trusts the journey's own signer."""

from django.conf import settings

from deepext.wsgi import application
from training_methods import issuing, licensing

signer = issuing.read_private_key(settings.DATA_DIR / "signer.pem").public_key()
licensing.authority = licensing.Authority({issuing.key_id(signer): issuing.as_text(signer)})

__all__ = ["application"]
