from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, BinaryIO, TextIO, TYPE_CHECKING, Generator

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset







T = TypeVar("T", bound="Root")



@_attrs_define
class Root:
    """ 
        Attributes:
            clients (str): The list of clients.
            pipelines (str): The list of pipelines.
            runs (str): The list of runs.
            alert_rules (str): The list of alert rules.
            firing_alert_rules (str): The list of alert rules that are firing.
            reports (str): The list of reports.
            errors (str): The list of error codes.
            schema (str): The contract document.
            docs (str): The documentation for browsers.
     """

    clients: str
    pipelines: str
    runs: str
    alert_rules: str
    firing_alert_rules: str
    reports: str
    errors: str
    schema: str
    docs: str
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)





    def to_dict(self) -> dict[str, Any]:
        clients = self.clients

        pipelines = self.pipelines

        runs = self.runs

        alert_rules = self.alert_rules

        firing_alert_rules = self.firing_alert_rules

        reports = self.reports

        errors = self.errors

        schema = self.schema

        docs = self.docs


        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update({
            "clients": clients,
            "pipelines": pipelines,
            "runs": runs,
            "alert_rules": alert_rules,
            "firing_alert_rules": firing_alert_rules,
            "reports": reports,
            "errors": errors,
            "schema": schema,
            "docs": docs,
        })

        return field_dict



    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        clients = d.pop("clients")

        pipelines = d.pop("pipelines")

        runs = d.pop("runs")

        alert_rules = d.pop("alert_rules")

        firing_alert_rules = d.pop("firing_alert_rules")

        reports = d.pop("reports")

        errors = d.pop("errors")

        schema = d.pop("schema")

        docs = d.pop("docs")

        root = cls(
            clients=clients,
            pipelines=pipelines,
            runs=runs,
            alert_rules=alert_rules,
            firing_alert_rules=firing_alert_rules,
            reports=reports,
            errors=errors,
            schema=schema,
            docs=docs,
        )


        root.additional_properties = d
        return root

    @property
    def additional_keys(self) -> list[str]:
        return list(self.additional_properties.keys())

    def __getitem__(self, key: str) -> Any:
        return self.additional_properties[key]

    def __setitem__(self, key: str, value: Any) -> None:
        self.additional_properties[key] = value

    def __delitem__(self, key: str) -> None:
        del self.additional_properties[key]

    def __contains__(self, key: str) -> bool:
        return key in self.additional_properties
