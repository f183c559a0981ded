"""``raytrail query``: the saved queries, asked of Athena or of a folder of logs.

`_command` reads what was typed; `_catalogue` lists the queries, `_workgroup` asks Athena, `_local` asks a folder; both
give an `Answer`, which `_show` writes.
"""
