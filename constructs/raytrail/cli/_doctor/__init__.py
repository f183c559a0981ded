"""``raytrail doctor``: what would stop a deployment, or cost money, before it does.

Credentials come first (`_credentials`): without them nothing else can be asked. Then what the app would add, which is
read from its cloud assembly (`_assembly`), is held against what the account has (`_account`). Every call only reads.
"""
