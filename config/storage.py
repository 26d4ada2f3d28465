from whitenoise.storage import CompressedManifestStaticFilesStorage


class HashedStaticFiles(CompressedManifestStaticFilesStorage):
    """Static files whose names change with their content, also where one script of ours imports another.

    Otherwise a browser would mix the modules of two versions after an upgrade. Packages bring modules
    that import what is not there, so Django's own patterns are used for our folder alone.
    """

    support_js_module_import_aggregation = True
    _js_module_import_aggregation_patterns = (
        "annotation/*.js",
        CompressedManifestStaticFilesStorage._js_module_import_aggregation_patterns[1],
    )
