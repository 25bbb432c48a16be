// Answers as a person at a terminal reads them; a pipe gets the server's own JSON.
//
// Thread safety: any thread.
#pragma once

#include <string>

namespace boost::json {
class object;
}

namespace muster::server {

// "1,204 of 100,000 people (1.2 %), snapshot 17, 0.8 ms"
std::string count_in_words(const boost::json::object& answer);

// A line per clause, indented: "yes country = "FR"   [country is "FR"]".
std::string explanation_in_words(const boost::json::object& answer);
std::string plan_in_words(const boost::json::object& answer);

// The canonical text and the warnings.
std::string check_in_words(const boost::json::object& answer);

}  // namespace muster::server
