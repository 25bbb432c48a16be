# muster_recipes(TARGET) adds connect/recipes/*.json to TARGET as string constants
# (connect/recipe.h). Run as a script (cmake -P) it writes the source file.
if(CMAKE_SCRIPT_MODE_FILE)
  set(DELIMITER "muster_recipe")
  set(ENTRIES)
  file(GLOB FILES "${FOLDER}/*.json")
  list(SORT FILES)
  foreach(FILE IN LISTS FILES)
    get_filename_component(NAME "${FILE}" NAME_WE)
    file(READ "${FILE}" TEXT)
    string(FIND "${TEXT}" ")${DELIMITER}\"" FOUND)
    if(NOT FOUND EQUAL -1)
      message(FATAL_ERROR "A recipe holds the delimiter of its literal.")
    endif()
    string(APPEND ENTRIES "    {\"${NAME}\", R\"${DELIMITER}(${TEXT})${DELIMITER}\"},\n")
  endforeach()
  file(WRITE "${OUTPUT}" "#include \"connect/recipe.h\"\n\nnamespace muster::connect {\n\n"
    "std::span<const RecipeFile> recipe_files() {\n"
    "  static constexpr RecipeFile kFiles[] = {\n${ENTRIES}  };\n  return kFiles;\n}\n"
    "\n}  // namespace muster::connect\n")
  return()
endif()

set(MUSTER_RECIPES_SCRIPT "${CMAKE_CURRENT_LIST_FILE}")

function(muster_recipes TARGET)
  set(FOLDER "${CMAKE_SOURCE_DIR}/connect/recipes")
  set(OUTPUT "${CMAKE_CURRENT_BINARY_DIR}/generated/recipes.cpp")
  file(GLOB FILES CONFIGURE_DEPENDS "${FOLDER}/*.json")
  add_custom_command(
    OUTPUT "${OUTPUT}"
    COMMAND "${CMAKE_COMMAND}" "-DFOLDER=${FOLDER}" "-DOUTPUT=${OUTPUT}"
      -P "${MUSTER_RECIPES_SCRIPT}"
    DEPENDS ${FILES} "${MUSTER_RECIPES_SCRIPT}"
    VERBATIM)
  target_sources(${TARGET} PRIVATE "${OUTPUT}")
endfunction()
