"""Read, restore and revoke grants on the views of the schema `reporting`."""

from collections.abc import Iterable, Set
from dataclasses import dataclass

from django.db.backends.utils import CursorWrapper
from psycopg import sql

_GRANTS = """
SELECT c.relname, NULL, r.rolname, acl.privilege_type, acl.is_grantable
FROM pg_class AS c
CROSS JOIN aclexplode(c.relacl) AS acl
LEFT JOIN pg_roles AS r ON r.oid = acl.grantee
WHERE c.relnamespace = 'reporting'::regnamespace AND c.relname = ANY (%(views)s) AND acl.grantee <> c.relowner
UNION ALL
SELECT c.relname, a.attname, r.rolname, acl.privilege_type, acl.is_grantable
FROM pg_class AS c
JOIN pg_attribute AS a ON a.attrelid = c.oid AND NOT a.attisdropped
CROSS JOIN aclexplode(a.attacl) AS acl
LEFT JOIN pg_roles AS r ON r.oid = acl.grantee
WHERE c.relnamespace = 'reporting'::regnamespace AND c.relname = ANY (%(views)s) AND acl.grantee <> c.relowner
"""
_DEFAULT_PRIVILEGES = """
SELECT DISTINCT r.rolname
FROM pg_default_acl AS d
CROSS JOIN aclexplode(d.defaclacl) AS acl
JOIN pg_roles AS r ON r.oid = acl.grantee
WHERE d.defaclnamespace = 'reporting'::regnamespace AND d.defaclrole = current_user::regrole AND d.defaclobjtype = 'r'
    AND acl.grantee <> d.defaclrole
"""


@dataclass(frozen=True, slots=True)
class Grant:
    """A grant on a view. `column` is None for a grant on the whole view, `role` is None for PUBLIC."""

    view: str
    column: str | None
    role: str | None
    privilege: str
    is_grantable: bool


def grants_on(cursor: CursorWrapper, views: Iterable[str]) -> list[Grant]:
    cursor.execute(_GRANTS, {"views": list(views)})
    return [Grant(*row) for row in cursor.fetchall()]


def roles_that_read_all(grants: Iterable[Grant], views: Set[str]) -> set[str | None]:
    """Return the roles that may select from all these views. They also get access to new views."""
    selectable: dict[str | None, set[str]] = {}
    for grant in grants:
        if grant.privilege == "SELECT" and grant.column is None:
            selectable.setdefault(grant.role, set()).add(grant.view)
    return {role for role, readable in selectable.items() if views and readable >= views}


def restore_grants(cursor: CursorWrapper, grants: Iterable[Grant], columns: dict[str, set[str]]) -> None:
    """Restore the grants whose role, view and column still exist. `columns` maps each view to its columns."""
    cursor.execute("SELECT rolname FROM pg_roles")
    roles = {row[0] for row in cursor.fetchall()} | {None}
    for grant in grants:
        exists = grant.role in roles and grant.view in columns
        if not exists or (grant.column is not None and grant.column not in columns[grant.view]):
            continue
        cursor.execute(
            sql.SQL("GRANT {privilege} {column} ON reporting.{view} TO {role} {option}").format(
                privilege=sql.SQL(grant.privilege),
                column=sql.SQL("({})").format(sql.Identifier(grant.column)) if grant.column else sql.SQL(""),
                view=sql.Identifier(grant.view),
                role=sql.Identifier(grant.role) if grant.role else sql.SQL("PUBLIC"),
                option=sql.SQL("WITH GRANT OPTION" if grant.is_grantable else ""),
            )
        )


def revoke_default_privileges(cursor: CursorWrapper) -> None:
    """Remove the default privileges that earlier versions of CHM set.

    A default privilege affects only the views of the role that set it. CHM now grants access to each new view.
    """
    cursor.execute(_DEFAULT_PRIVILEGES)
    for [role] in cursor.fetchall():
        cursor.execute(
            sql.SQL("ALTER DEFAULT PRIVILEGES IN SCHEMA reporting REVOKE ALL ON TABLES FROM {}").format(
                sql.Identifier(role)
            )
        )
