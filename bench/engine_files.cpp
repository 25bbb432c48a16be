#include "bench/engine_files.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <fstream>
#include <sstream>

#include "base/random.h"
#include "bench/engine_goals.h"
#include "index/bulk.h"

namespace muster::bench {
namespace {

using Op = Question::Op;
using Members = std::vector<std::uint32_t>;

constexpr std::uint32_t kLeaves[] = {2, 3, 5, 8, 13, 20, 30};
constexpr int kTreesEach = 4;
constexpr std::uint32_t kMemberMax = 1U << 28;  // Ordinals up to here; the lists take 4 bytes each.

Result<Members> read_bitmap(const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary);
  std::stringstream text;
  text << in.rdbuf();
  const std::string bytes = std::move(text).str();
  const auto wrong = [&](std::size_t at) {
    return Error{ErrorCode::InvalidArgument,
                 fmt::format("{}: byte {} begins no integer below {} followed by a comma",
                             file.string(), at, kMemberMax)};
  };
  Members members;
  const char* const end = bytes.data() + bytes.size();
  for (const char* at = bytes.data(); at < end && *at != '\n';) {
    std::uint32_t member = 0;
    const auto read = std::from_chars(at, end, member);
    const bool is_followed = read.ptr == end || *read.ptr == ',' || *read.ptr == '\n';
    if (read.ec != std::errc() || member >= kMemberMax || !is_followed) {
      return wrong(static_cast<std::size_t>(at - bytes.data()));
    }
    members.push_back(member);
    at = read.ptr == end || *read.ptr == '\n' ? read.ptr : read.ptr + 1;
  }
  std::sort(members.begin(), members.end());
  members.erase(std::unique(members.begin(), members.end()), members.end());
  return members;
}

Result<std::vector<Members>> read_folder(const std::filesystem::path& folder) {
  std::error_code failure;
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(folder, failure)) {
    if (entry.is_regular_file()) files.push_back(entry.path());
  }
  if (failure || files.size() < 2 || files.size() > kFilesMax) {
    return Error{ErrorCode::InvalidArgument,
                 fmt::format("{} holds {} files; two to {} bitmaps are needed", folder.string(),
                             files.size(), kFilesMax)};
  }
  std::sort(files.begin(), files.end());
  std::vector<Members> bitmaps;
  for (const auto& file : files) {
    TRY_ASSIGN(Members members, read_bitmap(file));
    bitmaps.push_back(std::move(members));
  }
  return bitmaps;
}

// The field whose values stand for the files.
const FieldShape& file_field() {
  return kFields[field_named("tags")];
}

index::Dictionary names_of(std::size_t files) {
  index::DictionaryWriter names;
  for (std::uint32_t i = 0; i < files; ++i)
    names.add(text_of(file_field(), i));
  return names.snapshot();
}

// The bitmaps turned round: the files that each ordinal is in.
std::shared_ptr<const index::Attribute> transposed(const std::vector<Members>& bitmaps,
                                                   std::uint32_t people) {
  index::BulkAttribute bulk(file_field().type, names_of(bitmaps.size()));
  std::vector<std::size_t> at(bitmaps.size());
  std::vector<std::vector<std::uint32_t>> lists(index::kBlockSize);
  for (std::uint32_t first = 0; first < people; first += index::kBlockSize) {
    const std::uint32_t in_block = std::min(index::kBlockSize, people - first);
    for (std::uint32_t file = 0; file < bitmaps.size(); ++file) {
      const Members& members = bitmaps[file];
      for (; at[file] < members.size() && members[at[file]] < first + in_block; ++at[file]) {
        lists[members[at[file]] - first].push_back(file);
      }
    }
    Lists block;
    block.present.resize((in_block + 63) / 64);
    for (std::uint32_t i = 0; i < in_block; ++i) {
      block.codes.insert(block.codes.end(), lists[i].begin(), lists[i].end());
      block.ends.push_back(static_cast<std::uint32_t>(block.codes.size()));
      if (!lists[i].empty()) block.present[i / 64] |= std::uint64_t{1} << (i % 64);
      lists[i].clear();
    }
    bulk.add_block(block.ends, block.codes, block.present);
  }
  return bulk.finish();
}

std::shared_ptr<const index::Generation> generation_of(const std::vector<Members>& bitmaps,
                                                       std::uint32_t people) {
  const auto generation = std::make_shared<index::Generation>();
  index::DictionaryWriter ids;
  for (std::uint32_t i = 0; i < people; ++i)
    ids.add(fmt::format_int(i).c_str());
  generation->profiles.ids = ids.snapshot();
  generation->profiles.live = index::everybody(people);
  generation->profiles.attributes[std::string(file_field().name)] = transposed(bitmaps, people);
  return generation;
}

Question leaf(std::uint32_t file) {
  return {.op = Op::In, .field = field_named(file_field().name), .codes = {file}};
}

// A tree with so many leaves: and and or take turns from level to level, and below an and some
// operands are taken away.
Question tree(std::uint32_t leaves_wanted, bool is_and, std::size_t files, SeededRandom& random) {
  if (leaves_wanted == 1) return leaf(static_cast<std::uint32_t>(random.below(files)));
  Question node{.op = is_and ? Op::And : Op::Or};
  const std::uint64_t operands = std::min<std::uint64_t>(leaves_wanted, 2 + random.below(4));
  std::uint32_t left = leaves_wanted;
  for (std::uint64_t i = operands; i > 0; --i) {
    const auto most = static_cast<std::uint32_t>(left - (i - 1));
    const std::uint32_t part = i == 1 ? left : 1 + static_cast<std::uint32_t>(random.below(most));
    Question operand = tree(part, !is_and, files, random);
    const bool is_away = is_and && i < operands && random.below(3) == 0;
    if (is_away) operand = {.op = Op::Not, .children = {std::move(operand)}};
    node.children.push_back(std::move(operand));
    left -= part;
  }
  return node;
}

SetExpr expr_of(const Question& question) {
  SetExpr expr;
  for (const Question& child : question.children)
    expr.children.push_back(expr_of(child));
  if (question.op == Op::In) expr.sets = question.codes;
  if (question.op == Op::And) expr.op = SetExpr::Op::And;
  if (question.op == Op::Or) expr.op = SetExpr::Op::Or;
  if (question.op == Op::Not) expr.op = SetExpr::Op::Not;
  return expr;
}

void fill(const std::vector<Members>& bitmaps, std::uint32_t people, SetEngine& sets) {
  sets.set_people(people);
  for (const Members& members : bitmaps) {
    const std::uint32_t set = sets.add();
    sets.append(set, members);
    sets.finish(set);
  }
}

}  // namespace

Status run_files(const std::filesystem::path& folder, const EngineOptions& options,
                 EngineReport& report) {
  TRY_ASSIGN(const std::vector<Members> bitmaps, read_folder(folder));
  std::uint32_t people = 1;
  for (const Members& members : bitmaps) {
    if (!members.empty()) people = std::max(people, members.back() + 1);
  }
  report.people = people;
  const query::BindContext context{.generation = generation_of(bitmaps, people), .now = kEngineNow};
  TRY_ASSIGN(const Beside beside, open_beside(options));
  describe(beside, report);
  fill(bitmaps, people, *beside.sets);
  if (beside.new_sets) fill(bitmaps, people, *beside.new_sets);
  print_header(report);
  SeededRandom random(options.seed);
  for (const std::uint32_t wanted : kLeaves) {
    for (int i = 0; i < kTreesEach; ++i) {
      const Question question = tree(wanted, i % 2 == 0, bitmaps.size(), random);
      SegmentRow row{.name = fmt::format("tree_{}_{}", wanted, i), .leaves = leaves(question)};
      TRY_ASSIGN(Contender mine, our_contender(question, context, options));
      const SetExpr expr = expr_of(question);
      std::vector<Contender> contenders{std::move(mine)};
      contenders.push_back({.name = kRoaring, .count = [&] { return beside.sets->count(expr); }});
      if (beside.new_sets) {
        contenders.push_back(
            {.name = kRoaringNew, .count = [&] { return beside.new_sets->count(expr); }});
      }
      TRY(measure(contenders, measuring(options), row));
      if (report.segments.empty()) print_segment_titles(row);
      print_segment(row);
      report.segments.push_back(std::move(row));
    }
  }
  return Ok();
}

}  // namespace muster::bench
