from django.http import HttpRequest


def license_banner(request: HttpRequest) -> dict[str, object]:
    return {}
