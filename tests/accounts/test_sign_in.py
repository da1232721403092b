import pytest

pytestmark = pytest.mark.django_db
PAGES = [
    "/",
    "/methods/",
    "/methods/add/",
    "/license/",
    "/jobs/",
    "/jobs/new/",
    "/datasets/",
    "/datasets/add/",
    "/base-models/",
    "/base-models/add/",
    "/models/",
    "/admin/",
]


@pytest.mark.parametrize("page", PAGES)
def test_it_asks_strangers_to_sign_in(client, page):
    answer = client.get(page)

    assert answer.status_code == 302
    assert "/login/" in answer.headers["Location"]


def test_it_returns_to_the_page_that_was_asked_for(client, expert):
    answer = client.post("/accounts/login/", {"username": "expert", "password": "expert-password", "next": "/models/"})

    assert answer.headers["Location"] == "/models/"


def test_it_never_leads_elsewhere(client, expert):
    answer = client.post(
        "/accounts/login/", {"username": "expert", "password": "expert-password", "next": "//elsewhere.example/"}
    )

    assert answer.headers["Location"] == "/"


def test_it_locks_a_name_after_five_failures(client, expert):
    for _ in range(5):
        answer = client.post("/accounts/login/", {"username": "expert", "password": "a guess"})

    assert answer.status_code == 429
    assert "Too many attempts" in answer.content.decode()


def test_it_sends_a_strict_content_security_policy(client):
    policy = client.get("/accounts/login/").headers["Content-Security-Policy"]

    assert "default-src 'self'" in policy
    assert "unsafe" not in policy
