"""The catalog of trainers, and the test bench on a method's page."""

from collections import defaultdict
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.models import AnonymousUser
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from training_methods import catalog, checks, descriptions
from training_methods.checks import Standing
from training_methods.licensing import Action, NotAllowed
from training_methods.models import TrainingMethod
from training_methods.registry import MethodGone
from training_methods.views import MethodMixin, decide, locked_page, readable

Users = dict[str, list[Standing]]


@require_safe
def trainer_list(request: HttpRequest) -> HttpResponse:
    """What there is to build methods on, and what does not load."""
    found, users = catalog.current(), methods_by_trainer()
    context = {
        "trainers": [(trainer, users.get(trainer.slug, [])) for trainer in found.trainers.values()],
        "broken": [(one, users_of(one.slugs - found.trainers.keys(), users)) for one in found.broken],
        "is_being_read": found.is_being_read,
        "folder": settings.TRAINERS_DIR,
        "sees_code": sees_code(request.user),
    }
    return render(request, "training_methods/trainer_list.html", context)


@require_safe
def trainer_detail(request: HttpRequest, slug: str) -> HttpResponse:
    trainer = catalog.trainers().get(slug)
    if trainer is None:
        raise Http404(_("There is no trainer “%(trainer)s”.") % {"trainer": slug})
    context = {
        "trainer": trainer,
        "users": methods_by_trainer().get(slug, []),
        "parameters": readable(trainer.parameters),
        "sees_code": sees_code(request.user),
    }
    return render(request, "training_methods/trainer_detail.html", context)


@require_POST
def read_again(request: HttpRequest) -> HttpResponse:
    """For those who write trainers: what a file needs may have been put right elsewhere."""
    decision = decide(Action.CHANGE_METHOD, request)
    if not decision.allowed:
        return locked_page(request, decision)
    descriptions.read_again()
    messages.success(request, _("Every file was read again."))
    return redirect("training_methods:trainers")


@require_http_methods(["GET", "HEAD", "POST"])
def method_check(request: HttpRequest, internal_name: str) -> HttpResponse:
    """Asks for a check; or shows what the test bench says now, nothing if that is what `?seen=` names."""
    method = get_object_or_404(MethodMixin.queryset, internal_name=internal_name)
    if request.method == "POST":
        return ask_for_check(request, method)
    standing, seen = checks.standing(method, catalog.trainers()), request.GET.get("seen", "")
    if seen == standing.seen:
        return HttpResponse(status=204)
    context = {"method": method, "standing": standing, "is_news": True, "change": decide(Action.CHANGE_METHOD, request)}
    return render(request, "training_methods/_check.html", context)


def ask_for_check(request: HttpRequest, method: TrainingMethod) -> HttpResponse:
    try:
        if not checks.ask(method, request.user):
            messages.info(request, _("This trainer is being checked already."))
    except NotAllowed as refused:
        return locked_page(request, refused.decision)
    except MethodGone as gone:
        messages.warning(request, str(gone))
        return redirect("training_methods:list")
    return redirect(reverse("training_methods:detail", args=[method.internal_name]) + "#check")


def methods_by_trainer() -> Users:
    """Every method with its last check, by the trainer it uses. One query."""
    methods = TrainingMethod.objects.select_related("trainer_check").defer("description", "trainer_check__results")
    found: Users = defaultdict(list)
    trainers = catalog.trainers()
    for method in methods:
        found[method.trainer].append(checks.standing(method, trainers))
    return found


def users_of(slugs: set[str] | frozenset[str], users: Users) -> list[Standing]:
    return [standing for slug in sorted(slugs) for standing in users.get(slug, [])]


def sees_code(user: Any | AnonymousUser) -> bool:
    """Where files lie on the server concerns those who write them."""
    return user.has_perm(Action.CHANGE_METHOD.permission)
