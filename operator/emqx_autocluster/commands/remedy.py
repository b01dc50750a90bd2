"""What puts one finding right, as changes of the workload; also where Repair must not make them by itself."""

from emqx_autocluster.api.findings import Finding
from emqx_autocluster.diagnosis import Case
from emqx_autocluster.objects import template
from emqx_autocluster.objects.recorded import Changes


def changes(case: Case, finding: Finding, repair: Changes) -> Changes:
    """`repair`: all that Repair would change, of which this finding's own field is taken. Empty: no one right value."""
    if case.container is None:
        return ()
    if finding.sets:
        container = case.container
        return tuple(template.exact_change(container, name, value) for name, value in finding.sets)
    return tuple(change for change in repair if finding.field and change.field == finding.field)
