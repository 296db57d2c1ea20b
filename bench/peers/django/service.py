"""One option of a user as a team would write it with Django REST framework: a model, a serializer, a view, and Django's own cache in memory.

gunicorn runs it; DATABASE_URL and BOUND_MS come from the environment. No permissions, no versions, no change log.
"""

import os
from urllib.parse import unquote, urlsplit

import django
from django.conf import settings

_database = urlsplit(os.environ["DATABASE_URL"])
_bound_seconds = int(os.environ["BOUND_MS"]) / 1_000

settings.configure(
    ALLOWED_HOSTS=["127.0.0.1"],
    CACHES={"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache", "OPTIONS": {"MAX_ENTRIES": 100_000}}},
    DATABASES={
        "default": {
            "ENGINE": "django.db.backends.postgresql",
            "HOST": _database.hostname,
            "PORT": _database.port or 5432,
            "NAME": _database.path.removeprefix("/"),
            "USER": unquote(_database.username or ""),
            "PASSWORD": unquote(_database.password or ""),
            # Connections live as long as their thread.
            "CONN_MAX_AGE": None,
        }
    },
    INSTALLED_APPS=["rest_framework"],
    REST_FRAMEWORK={
        "DEFAULT_AUTHENTICATION_CLASSES": [],
        "DEFAULT_PERMISSION_CLASSES": [],
        "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
        "UNAUTHENTICATED_USER": None,
    },
    ROOT_URLCONF=__name__,
    USE_TZ=True,
)
django.setup()

from django.core.cache import cache  # noqa: E402
from django.core.wsgi import get_wsgi_application  # noqa: E402
from django.db import models  # noqa: E402
from django.urls import path  # noqa: E402
from rest_framework import serializers  # noqa: E402
from rest_framework.exceptions import NotFound  # noqa: E402
from rest_framework.response import Response  # noqa: E402
from rest_framework.views import APIView  # noqa: E402


class UserOption(models.Model):
    """An option of a user: a row of userd's own table, which this service only reads."""

    user_id = models.BigIntegerField()
    scope_kind = models.SmallIntegerField()
    scope_id = models.BigIntegerField()
    key = models.CharField(max_length=64)
    value = models.JSONField()
    version = models.BigIntegerField()
    create_time = models.DateTimeField()
    update_time = models.DateTimeField()

    class Meta:
        app_label = "peer"
        db_table = "user_option"
        managed = False


class UserOptionSerializer(serializers.ModelSerializer):
    """The fields that an answer has."""

    class Meta:
        model = UserOption
        fields = ["user_id", "key", "value", "version", "create_time", "update_time"]


class OptionView(APIView):
    """Answers from memory for as long as the bound, and else from the database."""

    def get(self, request, user_id: int, key: str) -> Response:
        name = f"{user_id}:{key}"
        found = cache.get(name)
        if found is None:
            option = UserOption.objects.filter(user_id=user_id, scope_kind=0, scope_id=0, key=key).first()
            if option is None:
                raise NotFound
            found = UserOptionSerializer(option).data
            cache.set(name, dict(found), timeout=_bound_seconds)
        return Response(found)


urlpatterns = [path("options/<int:user_id>/<str:key>", OptionView.as_view())]

application = get_wsgi_application()
