// Golden cases: data, questions and answers in one text that a product person can review.
//
// A case is blocks with blank lines between them; lines that begin with '#' are comments.
//
//   fields            KEY TYPE [SCALE] [list]     what must be declared (geo points, references)
//                     KEY -> ENTITY
//   timezone ZONE     of the workspace            now TIME    the clock
//   tz ZONE           of the questions from here  as_of TIME  of the questions from here
//   people            ID name=value ...
//   events            ID NAME TIME name=value ... (event_id=... is the event's own id)
//   entities NAME     ID name=value ...
//   segment ID EXPR   list ID MEMBER ...          erase ID
//   trait NAME VALUE
//
//   count EXPR        then the number             members EXPR   then the ids, in order
//   error EXPR        then the message
//
// A line that begins with two blanks continues the one above. Data blocks are taken in where they
// stand, so that a question may be asked before and after. Values: true, 12, 12.50, 1e3,
// 2024-06-15, 2024-06-15T12:00:00Z, (48.1,11.5), [a, b],
// [{sku=a qty=2}, {sku=b}], null, a bare or quoted text.
// Thread safety: one thread at a time.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "tests/support/naive.h"
#include "tests/support/test_engine.h"

namespace muster::testing {

// One block of a case: its words, its lines below, and for questions the expected answer.
struct GoldenBlock {
  std::vector<std::string> raw;   // As in the file, comments included.
  std::string keyword;
  std::string rest;               // After the keyword, continuation lines joined.
  std::vector<std::string> body;  // The other lines.
  std::size_t head_lines = 0;     // Of raw: all that is not the answer.
};

std::vector<GoldenBlock> read_case(const std::string& text);
std::string write_case(const std::vector<GoldenBlock>& blocks);
bool is_question(const GoldenBlock& block);

// Words of a line; quotes and brackets hold together.
std::vector<std::string> words_of(const std::string& line);
// A value as cases write it; nothing for null.
std::optional<PlainField> field_of(const std::string& text);

// The engine and the plain people of one case, kept in step.
class GoldenRun {
 public:
  explicit GoldenRun(const RowSpelling& spelling);

  // Takes in a block of data or settings.
  Status take(const GoldenBlock& block);
  // The answer of the engine to a question, as the case writes it.
  std::vector<std::string> ask(const GoldenBlock& block);
  // The same from the naive evaluator; nothing where there is none (errors).
  std::optional<std::vector<std::string>> ask_naive(const GoldenBlock& block) const;

 private:
  Status take_setting(const GoldenBlock& block);
  Status take_fields(const GoldenBlock& block);
  Status take_people(const GoldenBlock& block);
  Status take_events(const GoldenBlock& block);
  Status take_entities(const GoldenBlock& block);
  Status take_segment(const GoldenBlock& block);
  Status take_trait(const GoldenBlock& block);
  Status declare_once();
  void learn(const std::string& table, const PlainFields& fields);
  engine::Question question_of(const GoldenBlock& block) const;

  TestEngine engine_;
  People people_;
  NaiveContext naive_;
  std::map<std::string, index::FieldType> declared_;
  bool declaration_sent_ = false;
  std::string timezone_;          // Of the questions; "": the workspace's.
  std::optional<TimeMs> as_of_;
};

}  // namespace muster::testing
