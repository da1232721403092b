import pytest

from training_methods.models import TrainingMethod

URL = "/methods/add/"
pytestmark = pytest.mark.django_db


def test_it_adds(client, engineer, licensed, written):
    client.force_login(engineer)

    page = client.post(URL, written, follow=True)

    method = TrainingMethod.objects.get()
    assert page.redirect_chain[0][0] == "/methods/support-lora/"
    assert "Saved the training method “Support LoRA”." in page.text
    assert (method.trainer, method.config) == ("lora", {"resources": {"gpus": 1}})
    assert method.created_by == engineer


def test_the_form_as_it_comes_holds_a_configuration_that_can_be_sent(client, engineer, licensed):
    client.force_login(engineer)

    assert client.get(URL).context["form"]["config"].value() == "{}"


def test_it_needs_login(client, db):
    assert client.get(URL).url == f"/accounts/login/?next={URL}"


@pytest.mark.parametrize("send", ["get", "post"])
def test_it_needs_a_license(client, engineer, written, send):
    client.force_login(engineer)

    page = getattr(client, send)(URL, written)

    assert page.status_code == 403
    assert "this site has no license installed" in page.text
    assert "custom01 and custom02" in page.text
    assert not TrainingMethod.objects.exists()


@pytest.mark.parametrize("send", ["get", "post"])
def test_it_needs_a_role(client, expert, licensed, written, send):
    client.force_login(expert)

    page = getattr(client, send)(URL, written)

    assert page.status_code == 403
    assert "a permission that your account does not have" in page.text
    assert not TrainingMethod.objects.exists()


@pytest.mark.parametrize(
    ("field", "value", "sentence"),
    [
        ("internal_name", "Support LoRA", "“Support LoRA” is not an internal name"),
        ("internal_name", "", "This field is required."),
        ("internal_name", "add", "choose another name"),
        ("internal_name", "x" * 65, "at most 64 characters"),
        ("display_name", " ", "This field is required."),
        ("display_name", "a\0b", "Null characters are not allowed."),
        ("method_type", "MAGIC", "MAGIC is not one of the available choices"),
        ("trainer", "nonesuch", "nonesuch is not one of the available choices"),
        ("trainer", "", "This field is required."),
        ("config", "[1, 2]", "This must be a JSON object, not a list."),
        ("config", "[]", "This must be a JSON object, not a list."),
        ("config", "null", "This must be a JSON object, not null."),
        ("config", '"text"', "This must be a JSON object, not “text”."),
        ("config", '{"a": ', "Line 1, column 6: this is not JSON"),
        ("config", '{"a": NaN}', "NaN is not a JSON value."),
        ("config", '{"a": 1, "a": 2}', "The name “a” stands 2 times in one object."),
        ("config", "[" * 20_000, "nested too deeply"),
        ("config", '{"a":' * 500 + "1" + "}" * 500, "a: There is no such setting."),
        ("config", '{"a": ' + "9" * 5000 + "}", "too many digits"),
        ("config", '{"resources": {"gpus": 1e999}}', "resources.gpus: Infinity is not"),
        ("config", '{"parameters": {"nope": {}}}', "parameters.nope: The trainer “lora” has no parameter “nope”."),
        ("config", '{"parameters": {"learning_rate": {"default": -1}}}', "parameters.learning_rate.default: -1 is too"),
        ("config", '{"parameters": {"learning_rate": {"help": "\\u0000"}}}', "cannot be stored"),
    ],
)
def test_it_says_at_the_field_what_is_wrong(client, engineer, licensed, written, field, value, sentence):
    client.force_login(engineer)

    page = client.post(URL, written | {field: value})

    assert page.status_code == 200
    assert any(sentence in message for message in page.context["form"].errors[field])
    assert not TrainingMethod.objects.exists()


def test_it_tells_all_mistakes_at_once_and_keeps_what_was_typed(client, engineer, licensed, written):
    client.force_login(engineer)
    config = '{"parameters": {"nope": {}}, "resources": {"gpus": -1}}'

    page = client.post(URL, written | {"internal_name": "No!", "config": config, "display_name": ""})

    errors = page.context["form"].errors
    assert set(errors) == {"internal_name", "display_name", "config"}
    assert len(errors["config"]) == 2
    assert page.context["form"]["config"].value() == config


def test_it_refuses_names_in_use(client, engineer, licensed, lora, written):
    client.force_login(engineer)

    page = client.post(URL, written | {"internal_name": "lora", "display_name": "lora fine-tuning"})

    assert page.context["form"].errors == {
        "internal_name": ["A training method with this internal name exists already."],
        "display_name": ["A training method with this display name exists already."],
    }


def test_it_shows_what_the_chosen_trainer_offers(client, engineer, licensed):
    client.force_login(engineer)

    page = client.get(URL, {"trainer": "lora"})

    assert 'Learning rate <code class="code-name">learning_rate</code>' in page.text


def test_it_is_not_led_astray_by_a_strange_trainer(client, engineer, licensed):
    client.force_login(engineer)

    assert client.get(URL, {"trainer": "<script>"}).status_code == 200
