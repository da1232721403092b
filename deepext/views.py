from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse


@login_not_required
def healthz(request: HttpRequest) -> HttpResponse:
    """Answers as soon as the web process runs."""
    return HttpResponse("ok", content_type="text/plain")
