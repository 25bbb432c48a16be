// The served OpenAPI document and the table of routes tell the same.
#include <gtest/gtest.h>

#include <set>

#include <boost/json.hpp>

#include "server/assets.h"
#include "server/routes/routes.h"

namespace muster::server {
namespace {

namespace json = boost::json;

json::object document() { return json::parse(std::string(kOpenApiJson)).as_object(); }

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return out;
}

// Calls `visit` with each path, method and operation.
template <typename Visit>
void each_operation(const json::object& whole, const Visit& visit) {
  for (const auto& path : whole.at("paths").as_object()) {
    for (const auto& method : path.value().as_object()) {
      visit(std::string(path.key()), std::string(method.key()), method.value().as_object());
    }
  }
}

TEST(OpenApi, HasThePathsAndMethodsOfTheTable) {
  std::set<std::string> told, served;
  const json::object whole = document();
  each_operation(whole, [&](const std::string& path, const std::string& method, const auto&) {
    told.insert(method + " " + path);
  });
  for (const Route& route : all_routes()) {
    served.insert(lower(name_of(route.method)) + " " + std::string(route.path));
  }
  EXPECT_EQ(served, told);
}

TEST(OpenApi, OperationIdsAreUniqueAndPathParametersDescribed) {
  std::set<std::string> ids;
  const json::object whole = document();
  each_operation(whole, [&](const std::string& path, const std::string&, const auto& operation) {
    SCOPED_TRACE(path);
    EXPECT_TRUE(ids.insert(std::string(operation.at("operationId").as_string())).second);
    EXPECT_EQ(1U, operation.at("tags").as_array().size());
    std::set<std::string> described;
    if (const json::value* parameters = operation.if_contains("parameters")) {
      for (const json::value& parameter : parameters->as_array()) {
        const json::object& object = parameter.as_object();
        if (object.if_contains("in") == nullptr || object.at("in") != "path") continue;
        described.insert("{" + std::string(object.at("name").as_string()) + "}");
      }
    }
    std::set<std::string> wanted;
    for (std::size_t at = path.find('{'); at != path.npos; at = path.find('{', at + 1)) {
      wanted.insert(path.substr(at, path.find('}', at) - at + 1));
    }
    EXPECT_EQ(wanted, described);
  });
}

TEST(OpenApi, SaysWhichScopeARouteNeeds) {
  const json::object whole = document();
  for (const Route& route : all_routes()) {
    SCOPED_TRACE(route.path);
    const json::object& operation = whole.at("paths").as_object().at(std::string(route.path))
        .as_object().at(lower(name_of(route.method))).as_object();
    if (!route.needed) {
      EXPECT_TRUE(operation.at("security").as_array().empty());
      continue;
    }
    const std::string scope = "`" + std::string(engine::name_of(*route.needed)) + "`";
    EXPECT_NE(std::string::npos, std::string(operation.at("description").as_string()).find(scope));
    EXPECT_NE(nullptr, operation.at("responses").as_object().if_contains("default"));
  }
}

TEST(OpenApi, NamesTheVersionOfTheProgram) {
  EXPECT_EQ(kVersion, document().at("info").as_object().at("version").as_string());
  EXPECT_EQ("3.1.0", document().at("openapi").as_string());
}

}  // namespace
}  // namespace muster::server
