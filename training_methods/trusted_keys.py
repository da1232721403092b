"""The public keys whose signature on a licence key counts, by key id. Nothing else adds to them: no setting, no
environment variable, no database row. `manage.py license keygen --trust` writes a line here.
"""

TRUSTED_KEYS: dict[str, str] = {}
