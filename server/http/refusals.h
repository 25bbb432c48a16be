// What a connection answers by itself, without asking a handler; private to server/http.
//
// Functions, because a coroutine must name its values first (see session.cpp).
// Thread safety: any thread.
#pragma once

#include <string_view>

#include "server/http/head.h"
#include "server/http/message.h"

namespace muster::server {

Response too_many_bodies(std::string_view request_id);
Response too_many_waiting(std::string_view request_id);
Response too_large(std::size_t limit, std::string_view request_id);
Response badly_framed(std::string_view request_id);
Response too_slow(std::string_view request_id);
Response more_behind_the_last(std::string_view request_id);

// What stands in the place of an answer when nobody is there to read it: status 0.
Response nobody();

// Of a head: the client is gone, or was silent from the start. Status 0.
HeadError gone();
// Of a head that was begun and not finished: 408 in time, 400 when the client ended it.
HeadError silent_too_long();
HeadError broken_off();

}  // namespace muster::server
