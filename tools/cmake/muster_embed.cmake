# muster_embed(TARGET) adds server/openapi.json, console/index.html and the version to TARGET as
# string constants (server/assets.h). Run as a script (cmake -P) it writes the source file.
if(CMAKE_SCRIPT_MODE_FILE)
  set(DELIMITER "muster_asset")
  file(READ "${OPENAPI}" OPENAPI_TEXT)
  file(READ "${CONSOLE}" CONSOLE_TEXT)
  foreach(TEXT IN ITEMS "${OPENAPI_TEXT}" "${CONSOLE_TEXT}")
    string(FIND "${TEXT}" ")${DELIMITER}\"" FOUND)
    if(NOT FOUND EQUAL -1)
      message(FATAL_ERROR "An embedded file holds the delimiter of its literal.")
    endif()
  endforeach()
  file(WRITE "${OUTPUT}" "#include \"server/assets.h\"\n\nnamespace muster::server {\n\n"
    "const std::string_view kVersion = \"${VERSION}\";\n"
    "const std::string_view kOpenApiJson = R\"${DELIMITER}(${OPENAPI_TEXT})${DELIMITER}\";\n"
    "const std::string_view kConsoleHtml = R\"${DELIMITER}(${CONSOLE_TEXT})${DELIMITER}\";\n"
    "\n}  // namespace muster::server\n")
  return()
endif()

set(MUSTER_EMBED_SCRIPT "${CMAKE_CURRENT_LIST_FILE}")

function(muster_embed TARGET)
  set(OPENAPI "${CMAKE_SOURCE_DIR}/server/openapi.json")
  set(CONSOLE "${CMAKE_SOURCE_DIR}/console/index.html")
  set(OUTPUT "${CMAKE_BINARY_DIR}/generated/server_assets.cpp")
  add_custom_command(
    OUTPUT "${OUTPUT}"
    COMMAND "${CMAKE_COMMAND}" "-DOPENAPI=${OPENAPI}" "-DCONSOLE=${CONSOLE}" "-DOUTPUT=${OUTPUT}"
      "-DVERSION=${PROJECT_VERSION}" -P "${MUSTER_EMBED_SCRIPT}"
    DEPENDS "${OPENAPI}" "${CONSOLE}" "${MUSTER_EMBED_SCRIPT}"
    VERBATIM)
  target_sources(${TARGET} PRIVATE "${OUTPUT}")
endfunction()
