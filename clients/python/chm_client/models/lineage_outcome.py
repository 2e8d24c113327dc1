from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, BinaryIO, TextIO, TYPE_CHECKING, Generator

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

from ..models.lineage_outcome_outcome_enum import check_lineage_outcome_outcome_enum
from ..models.lineage_outcome_outcome_enum import LineageOutcomeOutcomeEnum
from ..types import UNSET, Unset
from typing import cast
from uuid import UUID






T = TypeVar("T", bound="LineageOutcome")



@_attrs_define
class LineageOutcome:
    """ 
        Attributes:
            index (int): Position of the event in the request, from 0.
            outcome (LineageOutcomeOutcomeEnum):
            id (UUID | Unset): The stored run, if there is one.
            error (str | Unset): Why the event was rejected, pruned or not matched.
     """

    index: int
    outcome: LineageOutcomeOutcomeEnum
    id: UUID | Unset = UNSET
    error: str | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)





    def to_dict(self) -> dict[str, Any]:
        index = self.index

        outcome: str = self.outcome

        id: str | Unset = UNSET
        if not isinstance(self.id, Unset):
            id = str(self.id)

        error = self.error


        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update({
            "index": index,
            "outcome": outcome,
        })
        if id is not UNSET:
            field_dict["id"] = id
        if error is not UNSET:
            field_dict["error"] = error

        return field_dict



    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        index = d.pop("index")

        outcome = check_lineage_outcome_outcome_enum(d.pop("outcome"))




        _id = d.pop("id", UNSET)
        id: UUID | Unset
        if isinstance(_id,  Unset):
            id = UNSET
        else:
            id = UUID(_id)




        error = d.pop("error", UNSET)

        lineage_outcome = cls(
            index=index,
            outcome=outcome,
            id=id,
            error=error,
        )


        lineage_outcome.additional_properties = d
        return lineage_outcome

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
