#include "index/image/writer_image.h"

#include <algorithm>
#include <atomic>
#include <cstring>
#include <mutex>
#include <new>
#include <thread>

#include "index/events_since.h"
#include "index/image/dictionary_image.h"
#include "index/image/event_image.h"
#include "index/image/rows_image.h"
#include "index/image/schema_image.h"
#include "index/image/table_image.h"

namespace muster::index {
namespace {

constexpr std::size_t kIdBytes = 24;
constexpr std::uint64_t kIdsReservedMax = 1U << 30;

void write_names(ByteWriter& out, const auto& named) {
  out.varint(named.size());
  for (const auto& [name, ignored] : named) out.text(name);
}

std::vector<std::string> read_names(ByteReader& in) {
  std::vector<std::string> names;
  for (std::uint64_t left = in.varint(); left > 0 && !in.failed(); --left) {
    names.emplace_back(in.text());
  }
  return names;
}

bool is_below(const Bitmap& members, std::uint32_t people) {
  const std::uint64_t count = members.count();
  return count == 0 || members.select(count - 1) < people;
}

std::string documents_bytes(const Generation& state) {
  std::string bytes;
  ByteWriter out(bytes);
  out.varint(state.documents.size());
  for (const auto& [key, versions] : state.documents) {
    out.text(key.first);
    out.text(key.second);
    out.varint(versions->size());
    for (const auto& version : *versions) {
      out.varint(version->version);
      out.i64(version->changed);
      out.u8(version->deleted ? 1 : 0);
      out.text(version->json);
    }
  }
  return bytes;
}

std::string waiting_bytes(const WriterMoment& moment) {
  std::string bytes;
  ByteWriter out(bytes);
  out.varint(moment.staged.size());
  for (const auto& [id, staged] : moment.staged) {
    out.text(id);
    out.varint(staged.size());
    for (const auto& rows : staged) write_rows(out, *rows);
  }
  out.varint(moment.held.size());
  for (const WriterMoment::Held& held : moment.held) {
    out.text(held.identifier);
    out.text(held.value);
    out.varint(held.rows.size());
    for (const auto& [rows, row] : held.rows) write_rows(out, *rows, row);
  }
  return bytes;
}

void add_identifier_sections(const std::string& name,
                             const std::shared_ptr<const Identifier>& identifier,
                             std::vector<Section>& sections, PersonSeals* seals) {
  const std::string prefix = section_name({"identifier", name});
  sections.push_back({prefix, {}, [identifier] {
                        std::string bytes;
                        ByteWriter out(bytes);
                        out.varint(identifier->values.size());
                        out.varint(identifier->owners.blocks());
                        return bytes;
                      }});
  std::shared_ptr<KeySeal> seal;
  if (seals != nullptr) {
    seal = std::make_shared<KeySeal>(*seals, name, "", "");  // Its values are normalised.
    seal->owned_as([identifier] { return code_owners(identifier->values, identifier->owners); });
  }
  add_dictionary_sections(prefix + "/key", identifier->values, sections, seal);
  add_column_sections(prefix + "/owner", identifier->owners, sections);
}

// Without memory enough for it, a job fails like any other.
Status run_job(const ImageJob& job) {
  try {
    return job();
  } catch (const std::bad_alloc&) {
    return Error{ErrorCode::Unavailable, "out of memory"};
  }
}

// Runs all jobs on that many threads; the first error that one has.
Status run_jobs(std::span<const ImageJob> jobs, unsigned threads,
                const std::function<void(double)>& progress) {
  std::atomic<std::size_t> next = 0, ended = 0;
  std::mutex mutex;
  Status first = Ok{};
  const auto work = [&] {
    for (std::size_t i = next++; i < jobs.size(); i = next++) {
      Status done = run_job(jobs[i]);
      if (progress) progress(static_cast<double>(++ended) / static_cast<double>(jobs.size()));
      if (done) continue;
      const std::lock_guard held(mutex);
      if (first) first = std::move(done);
      next = jobs.size();
    }
  };
  std::vector<std::jthread> others;
  for (unsigned i = 1; i < threads && i < jobs.size(); ++i) others.emplace_back(work);
  work();
  others.clear();
  return first;
}

}  // namespace

WriterMoment WriterImage::capture(const Writer& writer, std::uint64_t sequence) {
  WriterMoment moment;
  moment.generation = writer.publish(sequence);
  moment.erased = writer.erased();
  moment.staged.assign(writer.staged_.begin(), writer.staged_.end());
  for (const auto& [who, held] : writer.held_) {
    WriterMoment::Held& same = moment.held.emplace_back();
    same.identifier = who.first;
    same.value = who.second;
    for (const auto& row : held) same.rows.emplace_back(row.rows, row.row);
  }
  return moment;
}

std::vector<Section> WriterImage::sections(const std::shared_ptr<const WriterMoment>& moment,
                                           PersonSeals* seals) {
  const std::shared_ptr<const Generation> state = moment->generation;
  std::vector<Section> sections;
  sections.push_back({"index", {}, [state] {
                        std::string bytes;
                        ByteWriter out(bytes);
                        write_names(out, state->entities);
                        write_names(out, state->events);
                        write_names(out, state->identifiers);
                        write_names(out, state->lists);
                        return bytes;
                      }});
  sections.push_back({"schema", {}, [state] { return schema_bytes(*state->schema); }});
  sections.push_back({"documents", {}, [state] { return documents_bytes(*state); }});
  sections.push_back({"erased", {}, [moment] { return moment->erased.to_bytes(); }});
  if (state->joined.count() != 0) {
    sections.push_back({"joined", {}, [state] {
                          std::string bytes;
                          ByteWriter(bytes).varint(state->joined.blocks());
                          return bytes;
                        }});
    add_column_sections("joined/to", state->joined, sections);
  }
  sections.push_back({"waiting", {}, [moment] { return waiting_bytes(*moment); }});
  add_table_sections("profiles", {state, &state->profiles}, sections,
                     {seals, state->schema->identifiers});
  for (const auto& [name, table] : state->entities) {
    add_table_sections(section_name({"entity", name}), table, sections);
  }
  for (const auto& [name, identifier] : state->identifiers) {
    add_identifier_sections(name, identifier, sections, seals);
  }
  for (const auto& [id, list] : state->lists) {
    sections.push_back({section_name({"list", id}), {}, [kept = list] {
                          std::string bytes;
                          ByteWriter out(bytes);
                          out.varint(kept->version);
                          out.text(kept->members.to_bytes());
                          return bytes;
                        }});
  }
  for (const auto& [name, table] : state->events) {
    add_event_sections(section_name({"event", name}), table, sections);
  }
  return sections;
}

std::string WriterImage::id_bytes(std::span<const EventIds::Slot> ids) {
  std::string bytes;
  bytes.reserve(ids.size() * kIdBytes);
  ByteWriter out(bytes);
  for (const EventIds::Slot& slot : ids) {
    out.u64(slot.id.high);
    out.u64(slot.id.low);
    out.u64(slot.content);
  }
  return bytes;
}

Status WriterImage::read_ids(const SectionSource& source, Writer& into) {
  static_assert(sizeof(EventIds::Slot) == kIdBytes);  // And in the order of its bytes.
  std::vector<EventIds::Slot> known;
  // More than fit here would be no ids of ours; those that are too many show when they are read.
  into.event_ids_.reserve(std::min(source.bytes("event-ids/") / kIdBytes, kIdsReservedMax));
  for (const std::string& name : source.names("event-ids/")) {
    TRY_ASSIGN(const std::string bytes, source.read(name));
    if (bytes.size() % kIdBytes != 0) return damaged_section(name, "an id is cut");
    known.resize(bytes.size() / kIdBytes);
    if (!bytes.empty()) std::memcpy(known.data(), bytes.data(), bytes.size());
    if (!into.event_ids_.restore(known)) return damaged_section(name, "it holds an id twice");
  }
  return Ok{};
}

Status WriterImage::read_documents(const SectionSource& source, Writer& into) {
  TRY_ASSIGN(const std::string bytes, source.read("documents"));
  ByteReader in(bytes);
  for (std::uint64_t left = in.varint(); left > 0 && !in.failed(); --left) {
    const std::string kind(in.text()), id(in.text());
    auto versions = std::make_shared<DocumentVersions>();
    for (std::uint64_t rest = in.varint(); rest > 0 && !in.failed(); --rest) {
      StoredDocument version;
      version.version = in.varint();
      version.changed = in.i64();
      version.deleted = in.u8() != 0;
      version.json = in.text();
      versions->push_back(std::make_shared<const StoredDocument>(std::move(version)));
    }
    if (versions->empty()) in.fail();
    into.state_.documents.change()[{kind, id}] = std::move(versions);
  }
  if (in.failed() || !in.at_end()) {
    return damaged_section("documents", "the documents cannot be read");
  }
  const auto since = into.state_.documents.find({kEventsSince, ""});
  if (since != into.state_.documents.end()) {
    into.state_.events_since = events_since_of(*since->second->back());
  }
  return Ok{};
}

Status WriterImage::read_lists(const SectionSource& source, const std::vector<std::string>& ids,
                               std::uint32_t people, Writer& into) {
  for (const std::string& id : ids) {
    const std::string name = section_name({"list", id});
    TRY_ASSIGN(const std::string bytes, source.read(name));
    ByteReader in(bytes);
    const std::uint64_t version = in.varint();
    const auto members = Bitmap::from_bytes(in.text());
    if (in.failed() || !in.at_end() || !members) {
      return damaged_section(name, members ? "the list cannot be read" : members.error().message);
    }
    if (!is_below(*members, people)) return damaged_section(name, "it holds people nobody knows");
    into.put_list(id, *members, version);
  }
  return Ok{};
}

Status WriterImage::read_identifiers(const SectionSource& source,
                                     const std::vector<std::string>& names, std::uint32_t people,
                                     PersonSeals* seals, Writer& into) {
  for (const std::string& name : names) {
    const std::string prefix = section_name({"identifier", name});
    TRY_ASSIGN(const std::string bytes, source.read(prefix));
    ByteReader in(bytes);
    const std::uint64_t values = in.varint(), blocks = in.varint();
    if (in.failed() || !in.at_end() || values > kNoKey || blocks > values / kBlockSize + 1) {
      return damaged_section(prefix, "the identifier cannot be read");
    }
    Writer::IdentifierWriter& writer = into.identifiers_[name];
    std::optional<KeySeal> seal;
    if (seals != nullptr) seal.emplace(*seals, name, "", "");
    TRY(read_dictionary(source, prefix + "/key", static_cast<std::uint32_t>(values),
                        writer.values, {}, seal ? &*seal : nullptr));
    TRY_ASSIGN(writer.owners, read_column(source, prefix + "/owner",
                                          static_cast<std::uint32_t>(blocks), people));
  }
  return Ok{};
}

Status WriterImage::read_waiting(const SectionSource& source, Writer& into) {
  TRY_ASSIGN(const std::string bytes, source.read("waiting"));
  ByteReader in(bytes);
  for (std::uint64_t left = in.varint(); left > 0 && !in.failed(); --left) {
    auto& staged = into.staged_[std::string(in.text())];
    for (std::uint64_t rest = in.varint(); rest > 0 && !in.failed(); --rest) {
      staged.push_back(read_rows(in));
    }
    if (staged.empty()) in.fail();
  }
  for (std::uint64_t left = in.varint(); left > 0 && !in.failed(); --left) {
    std::string identifier(in.text()), value(in.text());
    auto& held = into.held_[{std::move(identifier), std::move(value)}];
    for (std::uint64_t rest = in.varint(); rest > 0 && !in.failed(); --rest) {
      held.push_back({read_rows(in), 0});
      if (held.back().rows->rows != 1) in.fail();
      ++into.held_count_;
    }
  }
  if (in.failed() || !in.at_end()) return damaged_section("waiting", "its rows cannot be read");
  return Ok{};
}

Status WriterImage::read_joined(const SectionSource& source, std::uint32_t people, Writer& into) {
  if (source.names("joined").empty()) return Ok{};  // Nobody was, or by an older version.
  TRY_ASSIGN(const std::string bytes, source.read("joined"));
  ByteReader in(bytes);
  const std::uint64_t blocks = in.varint();
  if (in.failed() || !in.at_end() || blocks > people / kBlockSize + 1) {
    return damaged_section("joined", "how much there is cannot be read");
  }
  TRY_ASSIGN(const NumberColumn joined,
             read_column(source, "joined/to", static_cast<std::uint32_t>(blocks), people));
  for (std::uint32_t ordinal = 0; ordinal < blocks * kBlockSize; ++ordinal) {
    const auto to = joined.at(ordinal);
    if (!to) continue;
    if (ordinal >= people || joined.at(static_cast<Ordinal>(*to))) {
      return damaged_section("joined", "it joins people nobody knows");
    }
    into.joined_to_[static_cast<Ordinal>(*to)].push_back(ordinal);
  }
  into.state_.joined = joined;
  return Ok{};
}

// What the jobs fill; nothing in it moves while they run.
struct WriterImage::Reading {
  TableImage profiles;
  std::map<std::string, TableImage> entities;
  std::map<std::string, EventImage> events;
};

void WriterImage::assemble(Reading& reading, Writer& into) {
  const auto put = [](TableImage& image, Writer::TableWriter& writer) {
    writer = {std::move(image.ids), std::move(image.attributes), std::move(image.table)};
    for (const auto& [name, attribute] : writer.attributes) {
      writer.table.attributes[name] = attribute.current();
    }
  };
  put(reading.profiles, into.profiles_);
  for (auto& [name, image] : reading.entities) {
    put(image, into.entities_[name]);
    into.publish_table({TableKind::Entities, name});
  }
  for (auto& [name, image] : reading.events) {
    const auto [at, added] =
        into.events_.try_emplace(name, std::move(image.table), std::move(image.properties));
    into.state_.events[name] = at->second.current();
  }
  into.publish_table({TableKind::Profiles, ""});
}

// Of people, who are told by their ids, and of what they are known by.
void WriterImage::find_lost_names(PersonSeals* seals, Writer& into) {
  if (seals == nullptr) return;
  into.lost_.tag_with([seals](std::string_view identifier, std::string_view value) {
    return seals->tag(identifier, value);
  });
  const auto look = [&](const std::string& identifier, const DictionaryWriter& names) {
    for (std::uint32_t code = 0; code < names.size(); ++code) {
      if (const auto tag = tag_of_lost_name(names.key(code))) into.lost_.add(identifier, *tag);
    }
  };
  look("profile_id", into.profiles_.ids);
  for (const auto& [name, identifier] : into.identifiers_) look(name, identifier.values);
  for (auto& [id, staged] : into.staged_) {
    for (auto& rows : staged) {
      if (into.lost_.empty()) break;
      auto named = std::make_shared<TypedRows>(*rows);
      into.put_lost_names(*named);
      rows = std::move(named);
    }
  }
}

Result<Writer> WriterImage::read(const SectionSource& source, unsigned threads,
                                 const std::function<void(double)>& progress,
                                 PersonSeals* seals) {
  Writer writer;
  Reading reading;
  std::vector<ImageJob> jobs;
  TRY_ASSIGN(const std::string bytes, source.read("index"));
  ByteReader in(bytes);
  const auto entities = read_names(in), events = read_names(in), identifiers = read_names(in),
             lists = read_names(in);
  for (const auto* names : {&entities, &events, &identifiers, &lists}) {
    // As they are written; and one that stood twice would be read into the same place twice.
    const bool rises = std::adjacent_find(names->begin(), names->end(), std::greater_equal<>()) ==
                       names->end();
    if (!rises) in.fail();
  }
  if (in.failed() || !in.at_end()) return damaged_section("index", "its names cannot be read");
  TRY_ASSIGN(const std::string schema, source.read("schema"));
  TRY_ASSIGN(Schema read, read_schema("schema", schema));
  writer.set_schema(std::move(read));
  // The longest first: one thread has to put in all ids of events.
  jobs.push_back([&] { return read_ids(source, writer); });
  std::uint32_t people = 0;
  TRY(read_table(source, "profiles", reading.profiles, people, jobs,
                 {seals, writer.state_.schema->identifiers}));
  jobs.push_back([&] { return read_identifiers(source, identifiers, people, seals, writer); });
  for (const std::string& name : entities) {
    std::uint32_t rows = 0;
    TRY(read_table(source, section_name({"entity", name}), reading.entities[name], rows, jobs));
  }
  for (const std::string& name : events) {
    EventImage& image = reading.events[name];
    image.table = std::make_shared<EventTable>();
    image.table->name = name;
    TRY(read_events(source, section_name({"event", name}), people, image, jobs));
  }
  TRY(run_jobs(jobs, threads, progress));
  for (const auto& [name, image] : reading.events) {
    TRY(check_events(section_name({"event", name}), image));
  }
  TRY(read_documents(source, writer));
  TRY(read_lists(source, lists, people, writer));
  TRY(read_waiting(source, writer));
  TRY(read_joined(source, people, writer));
  TRY_ASSIGN(const std::string erased, source.read("erased"));
  const auto gone = Bitmap::from_bytes(erased);
  if (!gone) return damaged_section("erased", gone.error().message);
  if (!is_below(*gone, people)) return damaged_section("erased", "it holds people nobody knows");
  for (const Ordinal ordinal : gone->to_vector()) writer.erased_.insert(ordinal);
  assemble(reading, writer);
  find_lost_names(seals, writer);
  return writer;
}

}  // namespace muster::index
