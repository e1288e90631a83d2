"""MiniStack with types of CloudFormation that it lacks.

Composite alarms, and alarms on expressions, are made in MiniStack's own CloudWatch: a composite one follows its children, an
expression is never computed. An alarm on one metric is judged by it over all dimensions. Streams that are there
are taken up where a change set asks for it. Types named in WEIR_RECORDED_TYPES (comma-separated) are recorded: they get an id and nothing
happens. Any other type that MiniStack lacks is refused, as it is without this module.
"""

import json
import os
import uuid

from ministack.app import main
from ministack.services import cloudwatch, kinesis, msk
from ministack.services.cloudformation import changesets, provisioners

PARTITION_OF_ARN = "arn:aws"
ACCOUNT_ID = "000000000000"


def recorded(resource_type):
    """Handlers of a type that is written down and no more. The id is a name, and an ARN where ARN is asked for."""
    _, service, kind = resource_type.split("::")

    def create(logical_id, properties, stack_name):
        physical_id = f"{stack_name}-{logical_id}-{uuid.uuid4().hex[:8]}"
        return physical_id, attributes_of(physical_id)

    def attributes_of(physical_id):
        region = os.environ.get("MINISTACK_REGION", "us-east-1")
        arn = f"{PARTITION_OF_ARN}:{service.lower()}:{region}:{ACCOUNT_ID}:{physical_id}"
        return {"Arn": arn, f"{kind}Arn": arn, "Id": physical_id, "Revision": 1}

    def update(physical_id, old_properties, new_properties, stack_name):
        return physical_id, attributes_of(physical_id)

    return {"create": create, "update": update, "delete": lambda physical_id, properties: None}


def cluster():
    """Handlers of an MSK cluster, by MiniStack's own CreateCluster: it has an address to ask for, and no broker."""

    def create(logical_id, properties, stack_name):
        body = json.dumps({"clusterName": properties["ClusterName"], "kafkaVersion": properties["KafkaVersion"]})
        status, _, answer = msk._create_cluster(body)
        if status != 200:
            raise ValueError(f"cluster {properties['ClusterName']}: {answer}")
        arn = json.loads(answer)["clusterArn"]
        return arn, {"Arn": arn}

    def update(physical_id, old_properties, new_properties, stack_name):
        return physical_id, {"Arn": physical_id}

    return {"create": create, "update": update, "delete": lambda physical_id, properties: None}


def alarm_name(logical_id, properties, stack_name):
    return properties.get("AlarmName") or f"{stack_name}-{logical_id}"


def composite_alarm():
    """Handlers of a composite alarm, by MiniStack's own PutCompositeAlarm."""

    def put(name, properties):
        wanted = {key: value for key, value in properties.items() if key != "Tags"}
        status, _, body = cloudwatch._put_composite_alarm({}, {**wanted, "AlarmName": name}, False, True)
        if status != 200:
            raise ValueError(f"composite alarm {name}: {body}")
        return name, {"Arn": cloudwatch._composite_alarms[name]["AlarmArn"]}

    def create(logical_id, properties, stack_name):
        return put(alarm_name(logical_id, properties, stack_name), properties)

    def update(physical_id, old_properties, new_properties, stack_name):
        return put(physical_id, new_properties)

    def delete(physical_id, properties):
        cloudwatch._composite_alarms.pop(physical_id, None)

    return {"create": create, "update": update, "delete": delete}


def alarm_on_expression(own):
    """Handlers of alarms: those on one metric are MiniStack's; of an expression the state is kept, and set by SetAlarmState."""

    def put(name, properties):
        wanted = {key: value for key, value in properties.items() if key not in ("Tags", "Metrics")}
        status, _, body = cloudwatch._put_metric_alarm({}, {**wanted, "AlarmName": name}, False, True)
        if status != 200:
            raise ValueError(f"alarm {name}: {body}")
        return name, {"Arn": cloudwatch._alarms[name]["AlarmArn"]}

    def create(logical_id, properties, stack_name):
        if "Metrics" not in properties:
            return own["create"](logical_id, properties, stack_name)
        return put(alarm_name(logical_id, properties, stack_name), properties)

    def update(physical_id, old_properties, new_properties, stack_name, logical_id=None):
        if "Metrics" not in new_properties:
            return own["update"](physical_id, old_properties, new_properties, stack_name, logical_id)
        return put(physical_id, new_properties)

    return {**own, "create": create, "update": update}


def let_streams_be_imported():
    """Takes up a stream that is there, as MiniStack does with tables."""

    def import_stream(identifier):
        name = identifier["Name"]
        return name, {"Arn": kinesis._streams[name]["StreamARN"]}

    def problem(name):
        return None if name in kinesis._streams else f"Stream: {name} does not exist."

    provisioners._RESOURCE_HANDLERS["AWS::Kinesis::Stream"]["import"] = import_stream
    changesets._IMPORT_LOOKUPS["AWS::Kinesis::Stream"] = (("Name",), problem)


def judge_at_each_metric():
    """MiniStack judges alarms when somebody puts metrics; of its own services' metrics it would not."""
    record_metric = cloudwatch.record_metric

    def record_and_judge(*arguments, **named):
        record_metric(*arguments, **named)
        cloudwatch._evaluate_all_alarms()

    cloudwatch.record_metric = record_and_judge


def add_types():
    handlers = provisioners._RESOURCE_HANDLERS
    handlers["AWS::CloudWatch::CompositeAlarm"] = composite_alarm()
    handlers["AWS::MSK::Cluster"] = cluster()
    handlers["AWS::CloudWatch::Alarm"] = alarm_on_expression(handlers["AWS::CloudWatch::Alarm"])
    for resource_type in filter(None, os.environ.get("WEIR_RECORDED_TYPES", "").split(",")):
        if resource_type in handlers:
            raise SystemExit(f"got {resource_type} to record, expected a type that MiniStack lacks")
        handlers[resource_type] = recorded(resource_type)


if __name__ == "__main__":
    add_types()
    let_streams_be_imported()
    judge_at_each_metric()
    main()
