#include "connect/recipe.h"

#include <algorithm>
#include <array>

#include "base/json_writer.h"
#include "connect/no_such.h"

namespace muster::connect {
namespace {

const RecipeFile* find(std::string_view name) {
  for (const RecipeFile& file : recipe_files()) {
    if (file.name == name) return &file;
  }
  return nullptr;
}

std::string no_such(std::string_view name) {
  std::vector<std::string> known;
  for (const RecipeFile& file : recipe_files()) known.emplace_back(file.name);
  return no_such_name("recipe", name, known);
}

}  // namespace

Result<DocumentReader> recipe_document(const DocumentReader& document, std::string_view name) {
  const RecipeFile* const file = find(name);
  if (file == nullptr) return document.wrong("recipe", no_such(name));
  return DocumentReader::of(file->json);
}

Status complete_settings(const DocumentReader& document, const DocumentReader& recipe,
                         Settings& settings) {
  TRY_ASSIGN(const auto wanted, recipe.object("settings"));
  const std::vector<std::string> names = wanted ? wanted->keys() : std::vector<std::string>();
  for (const auto& [name, value] : settings) {
    if (std::find(names.begin(), names.end(), name) != names.end()) continue;
    return document.wrong("settings", no_such_name("setting", name, names));
  }
  for (const std::string& name : names) {
    const auto is_it = [&](const auto& setting) { return setting.first == name; };
    if (std::any_of(settings.begin(), settings.end(), is_it)) continue;
    TRY_ASSIGN(const auto setting, wanted->object(name));
    TRY_ASSIGN(const auto value, setting->text("default", 1'024));
    if (!value) return document.wrong("settings", "the recipe needs the setting '" + name + "'.");
    settings.emplace_back(name, *value);
  }
  return Ok{};
}

Result<std::string> shown_recipe(std::string_view name) {
  const RecipeFile* const file = find(name);
  if (file == nullptr) return Error{ErrorCode::NotFound, no_such(name)};
  TRY_ASSIGN(const DocumentReader recipe, DocumentReader::of(file->json));
  JsonWriter json;
  json.begin_object().key("name").text(name);
  for (const std::string& key : recipe.keys()) json.key(key).raw(*recipe.raw(key));
  json.end_object();
  return json.take();
}

}  // namespace muster::connect
