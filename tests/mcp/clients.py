"""Lets the official Python client of the Model Context Protocol use Muster.

    clients.py http URL KEY MODEL_URL              the newest protocol, then the one before, over HTTP
    clients.py stdio MUSTER URL KEY_FILE MODEL_URL  the newest protocol, over standard input and output

It lists and calls every tool, and holds a conversation that does the jobs of README's tour with
tools alone.
"""

import asyncio
import json
import sys

import httpx2
from mcp import Client, StdioServerParameters
from mcp.client.streamable_http import streamable_http_client

SANITY = "/providers/cms/entries/sanity"
HUGO = "/providers/ssg/entries/hugo"
SCHEMA = "/schemagroups/webstack/schemas/provider"
SANITY_URI = "muster://registry/api" + SANITY


class Conversation:
    """Calls tools, and remembers which."""

    def __init__(self, client):
        self.client = client
        self.called = set()

    async def call(self, tool, refused=None, **arguments):
        result = await self.client.call_tool(tool, arguments)
        self.called.add(tool)
        answer = result.structured_content
        text = result.content[0].text
        assert json.loads(text) == answer, text
        assert len(text) <= 64 * 1024, f"{tool}: {len(text)} bytes"
        if refused is None:
            assert not result.is_error, f"{tool} {arguments}: {text}"
        else:
            assert result.is_error, f"{tool} {arguments} was not refused: {text}"
            assert answer["reason"] in refused.split("|"), text
            assert answer["message"] and answer["advice"], text
        return answer


async def find_a_provider(ask):
    """Which CMS costs less than 100 a month and works with Hugo?"""
    there = await ask.call("list")
    assert any(one["place"] == "/providers" for one in there["collections"]), there
    groups = await ask.call("list", place="/providers")
    assert "cms" in [one["id"] for one in groups["entities"]], groups
    documents = await ask.call("list", place="providers/cms/entries", limit=2)
    assert len(documents["entities"]) == 2, documents
    rest = await ask.call("list", cursor=documents["cursor"])
    assert rest["entities"] and rest["entities"] != documents["entities"], rest
    condition = 'monthly_cost_range < 100 && "hugo" in ssg_engine_options'
    found = await ask.call("search", where=condition, group="cms", sort="monthly_cost_range")
    names = [one["xid"] for one in found["documents"]]
    assert "/providers/cms/entries/decap" in names, found
    await ask.call("search", refused="not_indexed|bad_search", where="colour == 1")
    await ask.call("search", words="git", limit=1)
    decap = await ask.call("get", xid="/providers/cms/entries/decap")
    assert decap["document"]["provider_name"] == "decap", decap
    as_text = await ask.call("get", xid="/providers/cms/entries/decap", as_text=True)
    assert json.loads(as_text["text"]) == decap["document"]
    await ask.call("get", refused="not_found", xid="/providers/cms/entries/nobody")


async def change_a_price(ask):
    """Change a price, see what changed, and break a rule."""
    sanity = (await ask.call("get", xid=SANITY))["document"]
    low, high = sanity["monthly_cost_range"]
    new = dict(sanity, monthly_cost_range=[low + 10, high])
    put = {"xid": SANITY, "document": new}
    await ask.call("put", refused="confirmation_needed", **put)
    plan = await ask.call("propose_change", put=put)
    assert plan["would_pass"] and plan["plan"]["action"] == "replace", plan
    fields = [one["field"] for one in plan["plan"]["fields"]]
    assert fields == ["monthly_cost_range"], plan
    other = dict(put, document=dict(new, monthly_cost_range=[low + 20, high]))
    confirmation = plan["confirmation"]
    await ask.call("put", refused="confirmation_unknown", confirmation=confirmation, **other)
    done = await ask.call("put", message="The price rises", confirmation=confirmation, **put)
    assert done["done"] == "replaced", done
    await ask.call("put", refused="confirmation_used|confirmation_unknown|plan_changed", confirmation=confirmation, **put)
    history = await ask.call("history", place=SANITY, limit=1)
    item = history["items"][0]
    assert item["why"] == "The price rises" and item["position"] == done["position"], history
    before = await ask.call("get", xid=SANITY, at=str(done["position"] - 1))
    assert before["document"]["monthly_cost_range"] == [low, high], before
    difference = await ask.call("diff", place=SANITY)
    assert difference["changes"][0]["fields"][0]["field"] == "monthly_cost_range", difference
    broken = {"xid": SANITY, "document": dict(sanity, monthly_cost_range=[high + 1, high])}
    judged = await ask.call("validate", **broken)
    assert judged["valid"] is False and judged["refused"][0]["violations"], judged
    plan = await ask.call("propose_change", put=broken)
    assert not plan["would_pass"] and "confirmation" not in plan, plan
    reason = plan["plan"]["refused"][0]["reason"]
    explained = await ask.call("explain_refusal", reason=reason)
    assert explained["reason"] == reason and explained["nothing_was_done"], explained
    return low, high


async def delete_what_others_need(ask):
    """A document that others depend on stays; one that nobody needs goes."""
    references = await ask.call("references", xid=HUGO)
    assert references["referred_by"], references
    impact = await ask.call("impact", xid=HUGO, delete=True)
    assert impact["referred_by_count"] and impact["change"]["refused"], impact
    plan = await ask.call("propose_change", delete={"xid": HUGO})
    assert not plan["would_pass"] and plan["plan"]["refused"][0]["advice"], plan
    await ask.call("delete", refused="confirmation_needed", xid=HUGO)
    decap = (await ask.call("get", xid="/providers/cms/entries/decap"))["document"]
    spare = {"xid": "/providers/cms/entries/spare"}
    made = await ask.call("put", document=dict(decap, provider_name="spare"), **spare)
    assert made["done"] == "created", made
    plan = await ask.call("propose_change", delete=spare)
    assert plan["would_pass"], plan
    # Somebody else is faster.
    other = {"document": dict(decap, provider_name="spare", display_name="Other"), **spare}
    seen = await ask.call("propose_change", put=other)
    await ask.call("put", confirmation=seen["confirmation"], **other)
    stale = plan["confirmation"]
    await ask.call("delete", refused="plan_changed", confirmation=stale, **spare)
    plan = await ask.call("propose_change", delete=spare)
    gone = await ask.call("delete", confirmation=plan["confirmation"], **spare)
    assert gone["done"] == "deleted", gone
    await ask.call("get", refused="not_found", **spare)


async def change_a_schema(ask):
    """Whom does a change of a schema break?"""
    old = {"type": "record", "name": "Order", "fields": [{"name": "id", "type": "string"}]}
    new = dict(old, fields=old["fields"] + [{"name": "total", "type": "long"}])
    verdict = await ask.call("check_compatibility", schema=new, old=old, format="avro")
    assert verdict["compatible"] is False and verdict["compared"][0]["findings"], verdict
    schema = (await ask.call("get", xid=SCHEMA))["document"]
    stricter = dict(schema, required=schema.get("required", []) + ["colour"])
    impact = await ask.call("impact", xid=SCHEMA, document=stricter)
    assert impact["change"]["stops_passing"]["failing"] > 0, impact
    assert impact["compatibility"]["compatible"] is False, impact
    judged = await ask.call("validate", schema={"type": "integer"}, payloads=[1, "x"])
    assert judged["invalid"] == 1, judged
    stored = await ask.call("validate", place="/providers/cms")
    assert stored["judged"] > 0 and not stored["with_violations"], stored


async def undo(ask, low, high):
    """Give the document its first price again."""
    rollback = {"place": SANITY, "to_version": "1"}
    await ask.call("rollback", refused="confirmation_needed", **rollback)
    plan = await ask.call("propose_change", rollback=rollback)
    assert plan["plan"]["steps_count"] == 1, plan
    done = await ask.call("rollback", confirmation=plan["confirmation"], **rollback)
    assert done["done"] == "rolled back", done
    sanity = await ask.call("get", xid=SANITY)
    assert sanity["document"]["monthly_cost_range"] == [low, high], sanity


async def select_an_ai_provider(ask, model_url):
    """Declare an AI provider, and ask which one fits."""
    document = {"type": "openai-compatible", "base_url": model_url, "models": ["tiny"]}
    declared = {"xid": "/aiproviders/local/entries/local", "document": document}
    plan = await ask.call("propose_change", put=declared)
    await ask.call("put", confirmation=plan.get("confirmation"), **declared)
    # It is live within a second.
    async with asyncio.timeout(60):
        while (await ask.client.call_tool("select_provider", {"model": "tiny"})).is_error:
            pass
    chosen = await ask.call("select_provider", model="tiny")
    assert chosen["chosen"]["provider"] == "local", chosen
    none = await ask.call("select_provider", refused="provider_unavailable", capabilities=["levitation"])
    explained = await ask.call("explain_refusal", reason=none["reason"])
    assert explained["try_again_unchanged"], explained


async def read_resources_and_prompts(client):
    resources = (await client.list_resources()).resources
    assert "muster://registry/api/providers" in [str(one.uri) for one in resources], resources
    templates = (await client.list_resource_templates()).resource_templates
    assert len(templates) >= 3, templates
    contents = (await client.read_resource(SANITY_URI)).contents[0]
    assert json.loads(contents.text)["provider_name"] == "sanity", contents
    collection = (await client.read_resource("muster://registry/api/providers")).contents[0]
    assert "cms" in json.loads(collection.text), collection
    prompts = (await client.list_prompts()).prompts
    assert sorted(one.name for one in prompts) == ["find_provider", "review_schema_change"]
    prompt = await client.get_prompt("find_provider", {"need": "a cheap CMS"})
    assert "a cheap CMS" in prompt.messages[0].content.text, prompt


async def watch(client, ask):
    """Somebody who subscribed is told about a change."""
    async with client.listen(resource_subscriptions=[SANITY_URI]) as changes:
        sanity = (await ask.call("get", xid=SANITY))["document"]
        put = {"xid": SANITY, "document": dict(sanity, best_for="Everybody")}
        plan = await ask.call("propose_change", put=put)
        await ask.call("put", confirmation=plan["confirmation"], **put)
        async for change in changes:
            assert change.uri == SANITY_URI, change
            break
        rollback = {"place": SANITY, "to_version": "1"}
        plan = await ask.call("propose_change", rollback=rollback)
        await ask.call("rollback", confirmation=plan["confirmation"], **rollback)


async def converse(client, model_url):
    tools = (await client.list_tools()).tools
    for tool in tools:
        assert tool.description and tool.annotations.read_only_hint is not None, tool
    ask = Conversation(client)
    await find_a_provider(ask)
    low, high = await change_a_price(ask)
    await delete_what_others_need(ask)
    await change_a_schema(ask)
    await undo(ask, low, high)
    await select_an_ai_provider(ask, model_url)
    await read_resources_and_prompts(client)
    if client.protocol_version >= "2026-07-28":
        await watch(client, ask)
    missed = {tool.name for tool in tools} - ask.called
    assert not missed, f"never called: {missed}"
    return len(tools)


async def over_http(url, key, model_url):
    headers = {"authorization": f"Bearer {key}"} if key else {}
    for mode in ["auto", "legacy"]:
        async with httpx2.AsyncClient(headers=headers, timeout=60) as http:
            transport = streamable_http_client(url, http_client=http)
            async with Client(transport, mode=mode, cache=None) as client:
                count = await converse(client, model_url)
                print(f"Python over HTTP, {client.protocol_version}: {count} tools, four jobs done")


async def over_stdio(muster, url, key_file, model_url):
    arguments = ["mcp", "--server", url, "--key-file", key_file]
    server = StdioServerParameters(command=muster, args=arguments)
    async with Client(server, cache=None) as client:
        count = await converse(client, model_url)
        print(f"Python over stdio, {client.protocol_version}: {count} tools, four jobs done")


if sys.argv[1] == "http":
    asyncio.run(over_http(*sys.argv[2:]))
else:
    asyncio.run(over_stdio(*sys.argv[2:]))
