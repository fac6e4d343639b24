from django.urls import path

from pages import views

urlpatterns = [
    path("", views.version),
    path("version", views.version),
    path("visits", views.visits),
]
