#include "connect/preview.h"

#include "base/json_writer.h"

namespace muster::connect {

std::string to_json(const PreviewView& preview) {
  JsonWriter json;
  json.begin_object().key("sync").text(preview.sync);
  json.key("snapshot").number(preview.snapshot);
  json.key("whole").boolean(preview.whole).key("exact").boolean(preview.exact);
  json.key("audience").number(preview.audience).key("added").number(preview.added);
  json.key("changed").number(preview.changed).key("removed").number(preview.removed);
  json.key("already_there").number(preview.already_there);
  json.key("unidentifiable").number(preview.unidentifiable);
  json.key("pending").number(preview.pending).key("batches").number(preview.batches);
  json.key("excluded").begin_array();
  for (const RuleCost& rule : preview.excluded) {
    json.begin_object().key("segment").text(rule.segment).key("people").number(rule.people);
    json.key("only").number(rule.only).end_object();
  }
  json.end_array().key("held_out").begin_array();
  for (const ArmSize& arm : preview.held_out) {
    json.begin_object().key("arm").text(arm.arm).key("people").number(arm.people).end_object();
  }
  json.end_array().end_object();
  return json.take();
}

}  // namespace muster::connect
