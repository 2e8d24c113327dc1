"""Serializers that refuse unknown fields. Model serializers also use the strict fields of chm_project.api.fields."""

from collections.abc import Mapping
from typing import Any, TypeVar

from django.db import models, transaction
from rest_framework import serializers

from chm_project.api import fields
from chm_project.db.constraint_errors import uniqueness_errors

ModelT = TypeVar("ModelT", bound=models.Model)
NON_FIELD_ERRORS = "non_field_errors"


class RefusesUnknownFields(serializers.BaseSerializer[Any]):
    fields: Any
    default_error_messages = {"invalid": "Send a JSON object."}

    def validate_empty_values(self, data: Any) -> tuple[bool, Any]:
        # REST framework answers "No data provided" for the body `null`.
        if data is None and not self.allow_null:
            raise serializers.ValidationError({NON_FIELD_ERRORS: [self.error_messages["invalid"]]})
        return super().validate_empty_values(data)

    def to_internal_value(self, data: Any) -> Any:
        """Return the validated values. Raise ValidationError with all unknown and all invalid fields."""
        unknown = self._unknown(data) if isinstance(data, Mapping) else {}
        try:
            values = super().to_internal_value(data)
        except serializers.ValidationError as error:
            if unknown and isinstance(error.detail, dict):
                raise serializers.ValidationError({**error.detail, **unknown}) from error
            raise
        if unknown:
            raise serializers.ValidationError(unknown)
        return values

    def _unknown(self, data: Mapping[str, Any]) -> dict[str, list[str]]:
        writable = [name for name, field in self.fields.items() if not field.read_only]
        return {
            name: [
                "This field cannot be set." if name in self.fields else f"Unknown field. {_known_fields_hint(writable)}"
            ]
            for name in data
            if name not in writable
        }


class StrictSerializer(RefusesUnknownFields, serializers.Serializer[Any]):
    pass


class StrictModelSerializer(RefusesUnknownFields, serializers.ModelSerializer[ModelT]):
    serializer_field_mapping = serializers.ModelSerializer.serializer_field_mapping | {
        models.CharField: fields.TextField,
        models.TextField: fields.TextField,
        models.IntegerField: fields.WholeNumberField,
        models.BigIntegerField: fields.WholeNumberField,
        models.BooleanField: fields.FlagField,
        models.DateTimeField: fields.TimeField,
        models.JSONField: fields.JsonObjectField,
    }
    serializer_choice_field = fields.StrictChoiceField
    # The fields that the last update changed.
    changed_fields: list[str] = []

    def get_validators(self) -> list[Any]:
        """Return no validators: the model's constraints are checked instead, with their own messages."""
        return []

    def include_extra_kwargs(self, kwargs: Any, extra_kwargs: Any) -> Any:
        kwargs = super().include_extra_kwargs(kwargs, extra_kwargs)
        # Remove REST framework's uniqueness validators, because uniqueness_errors() returns the model's own messages.
        kwargs["validators"] = [v for v in kwargs.get("validators", []) if not hasattr(v, "queryset")]
        return kwargs

    def create(self, validated_data: dict[str, Any]) -> ModelT:
        model: type[ModelT] = self.Meta.model
        instance = model(**validated_data)
        self._save(instance, force_insert=True)
        return instance

    def update(self, instance: ModelT, validated_data: dict[str, Any]) -> ModelT:
        changed_fields = [name for name, value in validated_data.items() if getattr(instance, name) != value]
        self.changed_fields = changed_fields
        if changed_fields:
            for name in changed_fields:
                setattr(instance, name, validated_data[name])
            # Save only these columns, because other columns may have changed since the row was read.
            self._save(instance, update_fields=[*changed_fields, "updated_at"])
        return instance

    @transaction.atomic
    def _save(self, instance: ModelT, **options: Any) -> None:
        if problems := uniqueness_errors(instance):
            raise serializers.ValidationError(problems)
        instance.save(**options)


def _known_fields_hint(names: list[str]) -> str:
    return f"Known fields: {', '.join(names)}."
