def test_it_answers_without_login(client):
    assert client.get("/healthz").content == b"ok"
