from django.dispatch import Signal

# Sent after commit with `project_id` when the log, or what is rated from it, has changed.
comparisons_changed = Signal()
