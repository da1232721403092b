"""What people do at the console again and again, whoever they are."""

import json
import re
from pathlib import Path

from playwright.sync_api import Page, expect

from tests.browser.conftest import Console, follow

TRAINED = 240_000  # milliseconds, on a machine that is busy with other tests
PASSWORD = "a-password-of-my-own-7"
GIVE_ACCOUNT = """
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
user = get_user_model().objects.create_user("{name}", password="{password}", is_staff={is_staff})
if {is_staff}:
    user.user_permissions.set(Permission.objects.filter(codename__endswith="_trainingmethod"))
"""


def give_account(console: Console, name: str, *, is_staff: bool = False) -> None:
    """Staff may write methods here."""
    console.manage("shell", "-c", GIVE_ACCOUNT.format(name=name, password=PASSWORD, is_staff=is_staff))


def some_rows(folder: Path) -> Path:
    file = folder / "kettles.jsonl"
    row = {"prompt": "Who makes the kettle?", "completion": "Our kettle is made by Aunt Agatha in Leeds."}
    file.write_text("".join(json.dumps(row) + "\n" for _ in range(16)))
    return file


def sign_in(page: Page, name: str, password: str = PASSWORD) -> None:
    page.goto("/")
    page.get_by_label("Username").fill(name)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in").click()


def sign_in_at_first(page: Page, password: str) -> None:
    """With the one-time password, which has to be changed at once."""
    sign_in(page, "admin", password)
    for name, typed in {"old_password": password, "new_password1": PASSWORD, "new_password2": PASSWORD}.items():
        page.locator(f"[name={name}]").fill(typed)
    page.get_by_role("main").get_by_role("button").click()
    expect(page.get_by_text("Your password is changed.")).to_be_visible()


def install_license(page: Page, console: Console) -> None:
    signer = str(console.data_dir / "signer.pem")
    key = console.manage("license", "issue", "--private-key", signer, "--customer", "Kettle Works").strip()
    page.goto("/license/")
    page.get_by_label("License key").fill(key)
    page.get_by_role("button", name="Look at it").click()
    expect(page.get_by_text("Kettle Works")).to_be_visible()
    page.get_by_role("button", name="Install this license").click()
    expect(page.get_by_text("Active.")).to_be_visible()


def go_to(page: Page, section: str) -> None:
    follow(page.get_by_role("navigation", name="Main").get_by_role("link", name=section, exact=True))


def start_train(page: Page, name: str, **settings: str) -> str:
    """From a form in which all else is chosen; gives the address of the train's page."""
    page.get_by_label("Train name").fill(name)
    page.get_by_text("All settings", exact=True).click()
    for label, value in settings.items():
        page.get_by_label(label.replace("_", " "), exact=True).fill(value)
    page.get_by_role("button", name="Run the Train").click()
    expect(page.get_by_role("heading", name=name)).to_be_visible()
    return page.url


def wait_for_end(page: Page, how: str) -> None:
    """Of the train whose page is open; nobody reloads it."""
    state = page.get_by_label("Where the train stands")
    expect(state).to_contain_text(re.compile("Succeeded|Failed|Cancelled"), timeout=TRAINED)
    expect(state).to_contain_text(how)
