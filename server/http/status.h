// How our errors look from outside: one HTTP status per code, and RFC 9457 problem documents.
//
// Source: RFC 9457, "Problem Details for HTTP APIs", 2023.
// Thread safety: any thread.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "server/http/message.h"

namespace muster::server {

// The one place where an error becomes an HTTP status.
int http_status(ErrorCode code);

// "invalid_argument": the machine-readable name in a problem's type.
std::string_view name_of(ErrorCode code);

// "Not Found" for 404; "Error" for a status without a phrase.
std::string_view reason_of(int status);

// The present, for the Date of an answer.
std::string http_date();

// {type, title, status, detail, errors: [{line, column, expected, nearest}], request_id}, with
// Retry-After where the error says how long to wait.
Response problem(const Error& error, std::string_view request_id);

// A problem of HTTP itself, which no ErrorCode names: 405, 408, 414, 431.
Response http_problem(int status, std::string_view detail, std::string_view request_id);

}  // namespace muster::server
