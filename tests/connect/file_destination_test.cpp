// Directories and servers take no delivery that was made for the other kind.
#include "connect/file_destination.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>

#include "connect/webhook_destination.h"
#include "tests/connect/export_world.h"
#include "tests/connect/loopback_server.h"

namespace muster::connect {
namespace {

using testing::LoopbackServer;
using testing::Receiver;
using testing::World;

class FileDestinationTest : public ::testing::Test {
 protected:
  void SetUp() override {
    const std::string name = "muster_files_" + std::to_string(getpid());
    root_ = std::filesystem::temp_directory_path() / name;
    std::filesystem::create_directories(root_ / "out");
  }
  void TearDown() override { std::filesystem::remove_all(root_); }

  // The answer, when `method` and `target` stand in the batch.
  Answer deliver(const std::string& method, const std::string& target) {
    KindFactory factory(std::make_unique<RefusingFactory>("no web"), (root_ / "out").string());
    const auto document =
        parse_destination(R"({"kind":"file","directory":"crm","format":"ndjson"})", nullptr);
    EXPECT_TRUE(document) << document.error().message;
    return factory.make(*document)->deliver(
        {.message_id = "msg_1", .body = "{}", .request = {.method = method, .target = target}}, {});
  }
  std::vector<std::string> files() const {
    std::vector<std::string> found;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(root_)) {
      if (entry.is_regular_file()) found.push_back(entry.path().lexically_relative(root_));
    }
    return found;
  }

  std::filesystem::path root_;
};

TEST_F(FileDestinationTest, WritesWhatWasMadeForIt) {
  EXPECT_EQ(200, deliver("FILE", "buyers.run-3.add").status);
  EXPECT_EQ(std::vector<std::string>{"out/crm/buyers.run-3.add.msg_1.ndjson"}, files());
}

// A batch that was cut for a server has a target of its operator's choice; with the folders on the
// way there, it would be a file anywhere.
TEST_F(FileDestinationTest, WritesNothingOutsideItsDirectory) {
  for (const auto& [method, target] :
       {std::pair{"POST", "/../../evil"}, {"FILE", "../../evil"}, {"FILE", ""}, {"", ""},
        {"POST", "evil"}, {"FILE", "a/b"}}) {
    SCOPED_TRACE(target);
    const Answer answer = deliver(method, target);
    EXPECT_EQ(AnswerKind::NotSent, answer.kind);
    EXPECT_NE(std::string::npos, answer.text.find("made for no directory")) << answer.text;
    EXPECT_TRUE(files().empty()) << files().front();
  }
}

TEST(WebhookDestination, SendsNothingThatWasMadeForADirectory) {
  LoopbackServer server([](const testing::SeenRequest&) { return testing::http_answer(200, ""); });
  const std::vector<std::string> list{"127.0.0.1/32"};
  WebhookFactory factory(*AddressGuard::with_allow_list(list));
  const auto document = parse_destination(
      R"({"kind":"webhook","secret":"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw","url":")" +
          server.url() + R"(/in"})",
      nullptr);
  ASSERT_TRUE(document) << document.error().message;
  const auto client = factory.make(*document);
  for (const auto& [method, target] : {std::pair{"FILE", "buyers.run-3.add"}, {"FILE", "/x"},
                                       {"POST", ".evil.example.com/"}, {"POST", ""}}) {
    const Answer answer = client->deliver(
        {.message_id = "msg_1", .body = "{}", .request = {.method = method, .target = target}}, {});
    EXPECT_EQ(AnswerKind::NotSent, answer.kind) << method << target;
  }
  EXPECT_TRUE(server.seen().empty());
}

// What was planned for a server stays for a server, until it is settled.
TEST(FileDestination, AKindDoesNotChangeUnderOpenDeliveries) {
  World world;
  world.people.add(1, "a@example.com");
  world.people.segments["buyers"].add(1);
  world.open();
  world.define();
  world.receiver.reacts = [](const std::string&, const boost::json::value&) {
    return Receiver::Reaction{.takes = false,
                              .answer = {.kind = AnswerKind::Status, .status = 500}};
  };
  ASSERT_TRUE(world.exporter->start_run(world.pass, "buyers"));
  for (int i = 0; i < 10; ++i) world.exporter->work_once();
  ASSERT_GE(world.receiver.deliveries, 1);
  const std::string file = R"({"kind":"file","directory":"crm","format":"ndjson"})";
  const auto refused = world.exporter->put_destination(world.pass, "crm", file);
  ASSERT_FALSE(refused);
  EXPECT_EQ(ErrorCode::Conflict, refused.error().code);
  EXPECT_TRUE(refused.error().message.starts_with("/kind: sync 'buyers'"))
      << refused.error().message;
  world.receiver.reacts = nullptr;
  world.work();
  EXPECT_TRUE(world.exporter->put_destination(world.pass, "crm", file));
}

}  // namespace
}  // namespace muster::connect
