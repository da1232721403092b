"""Messages beside a part of a page: htmx hands them to static/js/toasts.js, which shows them."""

from collections.abc import Callable

from django.contrib.messages import get_messages
from django.http import HttpResponse
from django_htmx.http import trigger_client_event

from training_methods.requests import HtmxRequest


class ToastMiddleware:
    def __init__(self, get_response: Callable[[HtmxRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HtmxRequest) -> HttpResponse:
        answer = self.get_response(request)
        if request.htmx and answer.status_code < 300 and "HX-Redirect" not in answer:
            toasts = [{"level": message.level_tag, "text": str(message)} for message in get_messages(request)]
            if toasts:
                trigger_client_event(answer, "toasts", {"toasts": toasts})
        return answer
