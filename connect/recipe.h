// Recipes: what well-known destinations want to be sent, as data (connect/recipes/NAME.json).
//
//   {"title": "...", "source": "the public document it follows", "url": "https://...",
//    "settings": {"list_id": {"title": "...", "default": "..."}}, "authorisation": "...",
//    "batch_size": 500, "fields": ..., "requests": ..., "answer": ...}     (templates/content.h)
//
// A recipe can do nothing that a document cannot: whoever misses one writes it as a document.
// Thread safety: immutable.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "connect/document_reader.h"
#include "connect/templates/text_template.h"

namespace muster::connect {

struct RecipeFile {
  std::string_view name, json;
};

// All, by name.
std::span<const RecipeFile> recipe_files();

// Errors: InvalidArgument at "/recipe" of `document`, with the nearest name.
Result<DocumentReader> recipe_document(const DocumentReader& document, std::string_view name);

// Adds the defaults of the recipe.
// Errors: InvalidArgument for a setting that is missing, or that the recipe does not know.
Status complete_settings(const DocumentReader& document, const DocumentReader& recipe,
                         Settings& settings);

// Name, title, source, URL, settings, fields and how it is authorised, as JSON.
// Errors: NotFound with the nearest name.
Result<std::string> shown_recipe(std::string_view name);

}  // namespace muster::connect
