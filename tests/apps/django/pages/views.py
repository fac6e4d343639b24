from django.conf import settings
from django.http import HttpResponse

from pages.models import Visit

VERSION = (settings.BASE_DIR / "version.txt").read_text().strip()


def version(request):
    return HttpResponse(VERSION, content_type="text/plain")


def visits(request):
    Visit.objects.create(path=request.path)
    return HttpResponse(Visit.objects.count(), content_type="text/plain")
