from django.urls import URLPattern

app_name = "training_methods"
urlpatterns: list[URLPattern] = []
