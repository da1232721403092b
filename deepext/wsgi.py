import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "deepext.settings")

application = get_wsgi_application()

from training_methods import clocks, messages  # noqa: E402 (settings first)

messages.prepare()
clocks.look()
