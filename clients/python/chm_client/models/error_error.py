from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, BinaryIO, TextIO, TYPE_CHECKING, Generator

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

from ..models.error_code_name import check_error_code_name
from ..models.error_code_name import ErrorCodeName
from typing import cast

if TYPE_CHECKING:
  from ..models.error_error_details_item import ErrorErrorDetailsItem





T = TypeVar("T", bound="ErrorError")



@_attrs_define
class ErrorError:
    """ The error.

        Attributes:
            code (ErrorCodeName):
            message (str): What is wrong and what to do, as a sentence for users.
            request_id (str): The value of X-Request-ID, which the server's log also contains.
            details (list[ErrorErrorDetailsItem]): The wrong fields and parameters; empty if the error is not about a field.
     """

    code: ErrorCodeName
    message: str
    request_id: str
    details: list[ErrorErrorDetailsItem]
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)





    def to_dict(self) -> dict[str, Any]:
        from ..models.error_error_details_item import ErrorErrorDetailsItem # noqa: PLC0415
        code: str = self.code

        message = self.message

        request_id = self.request_id

        details = []
        for details_item_data in self.details:
            details_item = details_item_data.to_dict()
            details.append(details_item)




        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update({
            "code": code,
            "message": message,
            "request_id": request_id,
            "details": details,
        })

        return field_dict



    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.error_error_details_item import ErrorErrorDetailsItem # noqa: PLC0415
        d = dict(src_dict)
        code = check_error_code_name(d.pop("code"))




        message = d.pop("message")

        request_id = d.pop("request_id")

        details = []
        _details = d.pop("details")
        for details_item_data in (_details):
            details_item = ErrorErrorDetailsItem.from_dict(details_item_data)



            details.append(details_item)


        error_error = cls(
            code=code,
            message=message,
            request_id=request_id,
            details=details,
        )


        error_error.additional_properties = d
        return error_error

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
