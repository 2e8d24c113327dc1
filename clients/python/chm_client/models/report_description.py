from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, BinaryIO, TextIO, TYPE_CHECKING, Generator

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

from typing import cast

if TYPE_CHECKING:
  from ..models.report_column import ReportColumn
  from ..models.report_parameter import ReportParameter





T = TypeVar("T", bound="ReportDescription")



@_attrs_define
class ReportDescription:
    """ 
        Attributes:
            name (str): The name of the report.
            url (str): The URL of the report.
            question (str): The question that the report answers.
            grain (str): What one row represents.
            inventory (str): Which pipelines the report includes, such as `active` or `all`.
            parameters (list[ReportParameter]): The query parameters of the report.
            columns (list[ReportColumn]): The columns of a row.
     """

    name: str
    url: str
    question: str
    grain: str
    inventory: str
    parameters: list[ReportParameter]
    columns: list[ReportColumn]
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)





    def to_dict(self) -> dict[str, Any]:
        from ..models.report_column import ReportColumn # noqa: PLC0415
        from ..models.report_parameter import ReportParameter # noqa: PLC0415
        name = self.name

        url = self.url

        question = self.question

        grain = self.grain

        inventory = self.inventory

        parameters = []
        for parameters_item_data in self.parameters:
            parameters_item = parameters_item_data.to_dict()
            parameters.append(parameters_item)



        columns = []
        for columns_item_data in self.columns:
            columns_item = columns_item_data.to_dict()
            columns.append(columns_item)




        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update({
            "name": name,
            "url": url,
            "question": question,
            "grain": grain,
            "inventory": inventory,
            "parameters": parameters,
            "columns": columns,
        })

        return field_dict



    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.report_column import ReportColumn # noqa: PLC0415
        from ..models.report_parameter import ReportParameter # noqa: PLC0415
        d = dict(src_dict)
        name = d.pop("name")

        url = d.pop("url")

        question = d.pop("question")

        grain = d.pop("grain")

        inventory = d.pop("inventory")

        parameters = []
        _parameters = d.pop("parameters")
        for parameters_item_data in (_parameters):
            parameters_item = ReportParameter.from_dict(parameters_item_data)



            parameters.append(parameters_item)


        columns = []
        _columns = d.pop("columns")
        for columns_item_data in (_columns):
            columns_item = ReportColumn.from_dict(columns_item_data)



            columns.append(columns_item)


        report_description = cls(
            name=name,
            url=url,
            question=question,
            grain=grain,
            inventory=inventory,
            parameters=parameters,
            columns=columns,
        )


        report_description.additional_properties = d
        return report_description

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
