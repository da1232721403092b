import pytest

from training_methods.models import TrainingMethod

URL = "/methods/"
pytestmark = pytest.mark.django_db


@pytest.fixture
def thirty():
    TrainingMethod.objects.bulk_create(
        TrainingMethod(
            internal_name=f"method-{number:02}",
            display_name=f"Method {number:02}",
            method_type="SFT" if number % 2 else "DPO",
            trainer="sft",
        )
        for number in range(30)
    )


def names(page) -> list[str]:
    return [method.internal_name for method in page.context["page_obj"]]


def test_it_lists(client, expert, lora):
    client.force_login(expert)

    page = client.get(URL)

    assert "LoRA fine-tuning" in page.text
    assert "PEFT" in page.text


def test_it_marks_a_method_whose_trainer_does_not_load(client, expert, lora):
    client.force_login(expert)
    assert "does not load" not in client.get(URL).text

    TrainingMethod.objects.update(trainer="gone")

    assert "does not load" in client.get(URL).text


def test_it_needs_login(client):
    assert client.get(URL).url == f"/accounts/login/?next={URL}"


def test_it_pages(client, expert, thirty):
    client.force_login(expert)

    assert len(names(client.get(URL))) == 25
    assert names(client.get(URL, {"page": 2})) == [f"method-{number}" for number in range(25, 30)]
    assert "1–25 of 30" in client.get(URL).text


@pytest.mark.parametrize("page", ["0", "-1", "999", "x", "", "9" * 30, "1" * 5000, "000000001" + "9" * 20, "٣"])
def test_it_leads_a_strange_page_number_to_a_page(client, expert, thirty, page):
    client.force_login(expert)

    assert client.get(URL, {"page": page}).status_code == 200


@pytest.mark.parametrize("words", ["support", "SUPPORT desk", "for-support", "answers tickets"])
def test_it_finds_by_names_and_description(client, expert, lora, words):
    TrainingMethod.objects.create(
        internal_name="for-support",
        display_name="Support desk",
        description="Answers tickets",
        method_type="SFT",
        trainer="sft",
    )
    client.force_login(expert)

    assert names(client.get(URL, {"q": words})) == ["for-support"]


def test_it_filters_by_type_and_keeps_that_while_paging(client, expert, thirty):
    client.force_login(expert)

    page = client.get(URL, {"type": "DPO", "q": "method", "sort": "-name"})

    assert names(page)[:2] == ["method-28", "method-26"]
    assert page.context["page_obj"].paginator.count == 15
    assert 'value="method"' in page.text
    assert '<option value="DPO" selected>' in page.text


@pytest.mark.parametrize(
    ("sort", "first"),
    [
        ("name", "method-00"),
        ("-name", "method-29"),
        ("type", "method-00"),
        ("-type", "method-29"),
        ("junk", "method-00"),
    ],
)
def test_it_sorts(client, expert, thirty, sort, first):
    client.force_login(expert)

    assert names(client.get(URL, {"sort": sort}))[0] == first


def test_it_sorts_by_the_last_change(client, expert, lora, custom):
    lora.save()
    client.force_login(expert)

    assert names(client.get(URL, {"sort": "-updated"})) == ["lora", "custom01"]


def test_it_sorts_names_as_people_do(client, expert, thirty):
    TrainingMethod.objects.filter(internal_name="method-29").update(display_name="a lower-case one")
    client.force_login(expert)

    assert names(client.get(URL))[0] == "method-29"


@pytest.mark.parametrize("query", ["q=%00", "type=MAGIC", "sort=%00", "q=" + "x" * 5000, "q='; DROP TABLE x;--"])
def test_it_leaves_aside_what_it_cannot_understand(client, expert, lora, query):
    client.force_login(expert)

    assert client.get(f"{URL}?{query}").status_code == 200


def test_it_says_when_nothing_fits(client, expert, lora):
    client.force_login(expert)

    assert "No method fits" in client.get(URL, {"q": "nonesuch"}).text


def test_it_counts_the_jobs(client, expert, lora, jobs_of):
    jobs_of(lora, 3)
    client.force_login(expert)

    assert client.get(URL).context["page_obj"][0].job_count == 3


@pytest.mark.parametrize("who", ["admin", "expert", "engineer"])
def test_it_takes_few_queries(client, request, licensed, thirty, who, django_assert_max_num_queries):
    client.force_login(request.getfixturevalue(who))

    with django_assert_max_num_queries(5):
        client.get(URL)


def test_it_offers_to_add(client, engineer, licensed):
    client.force_login(engineer)

    assert 'class="btn btn-primary" href="/methods/add/"' in client.get(URL).text


def test_it_shows_the_locked_button_with_its_reason(client, engineer):
    client.force_login(engineer)

    page = client.get(URL).text

    assert 'href="/methods/add/" aria-disabled="true"' in page
    assert "Adding training methods is locked: this site has no license installed." in page
    assert "custom01 and custom02" in page


def test_it_tells_an_expert_of_the_role_and_not_of_the_license(client, expert):
    client.force_login(expert)

    page = client.get(URL).text

    assert "a permission that your account does not have" in page
    assert "no license" not in page
