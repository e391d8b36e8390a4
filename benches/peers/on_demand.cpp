// simdjson's On-Demand on a document in memory: visits every token and decodes every string, like the contenders of
// `benches/src`, and prints what `visit --warm` prints. Besides, what its first stage alone takes (finding tokens and
// checking UTF-8), and passing over each member of the outermost object, which it does not check inside.
//
//     git clone https://github.com/simdjson/simdjson
//     g++ -O3 -DNDEBUG -std=c++17 -I simdjson/include -I simdjson/src simdjson/src/simdjson.cpp on_demand.cpp -o on_demand
//     ./on_demand visit|skip|stage1 FILE [haswell|icelake]

#include "simdjson.h"
#include <chrono>
#include <cstdio>
#include <cstring>
#include <memory>

using namespace simdjson;

struct Counts {
    uint64_t objects = 0, arrays = 0, keys = 0, strings = 0, numbers = 0, booleans = 0, nulls = 0, text_bytes = 0;
};

template <class Value> static void visit(Value&& value, Counts& counts) {
    switch (value.type().value()) {
    case ondemand::json_type::object:
        counts.objects++;
        for (auto field : value.get_object()) {
            std::string_view key = field.unescaped_key();
            counts.keys++;
            counts.text_bytes += key.size();
            visit(field.value().value(), counts);
        }
        break;
    case ondemand::json_type::array:
        counts.arrays++;
        for (auto item : value.get_array()) visit(item.value(), counts);
        break;
    case ondemand::json_type::string: {
        std::string_view text = value.get_string();
        counts.strings++;
        counts.text_bytes += text.size();
        break;
    }
    case ondemand::json_type::number:
        // Its text, unchecked: that is less than what ours does.
        counts.numbers += !std::string_view(value.raw_json_token()).empty();
        break;
    case ondemand::json_type::boolean:
        counts.booleans += value.get_bool().error() == SUCCESS;
        break;
    default:
        counts.nulls += value.is_null().value();
    }
}

int main(int count, char** arguments) {
    if (count < 3) return fputs("usage: on_demand visit|skip|stage1 FILE [IMPLEMENTATION]\n", stderr), 2;
    std::string_view mode = arguments[1];
    if (count > 3) {
        auto chosen = get_available_implementations()[arguments[3]];
        if (!chosen || !chosen->supported_by_runtime_system()) return fputs("not available here\n", stderr), 2;
        get_active_implementation() = chosen;
    }
    padded_string json = padded_string::load(arguments[2]);
    ondemand::parser parser;
    std::unique_ptr<internal::dom_parser_implementation> stage;
    if (get_active_implementation()->create_dom_parser_implementation(json.size(), 1024, stage)) return 1;
    Counts counts;
    std::chrono::nanoseconds took{};
    // The second time everything is warm.
    for (int round = 0; round < 2; round++) {
        auto started = std::chrono::steady_clock::now();
        counts = Counts();
        if (mode == "stage1") {
            if (stage->stage1((const uint8_t*)json.data(), json.size(), stage1_mode::regular)) return 1;
        } else {
            auto document = parser.iterate(json);
            if (mode == "skip") {
                ondemand::object members = document.get_object();
                for (auto field : members) counts.keys += field.error() == SUCCESS;
            } else {
                ondemand::value value = document.get_value();
                visit(value, counts);
            }
        }
        took = std::chrono::steady_clock::now() - started;
    }
    printf("%llu %llu %llu %llu %llu %llu %llu %llu\n%lld\n0\n", (unsigned long long)counts.objects,
           (unsigned long long)counts.arrays, (unsigned long long)counts.keys, (unsigned long long)counts.strings,
           (unsigned long long)counts.numbers, (unsigned long long)counts.booleans, (unsigned long long)counts.nulls,
           (unsigned long long)counts.text_bytes, (long long)took.count());
}
