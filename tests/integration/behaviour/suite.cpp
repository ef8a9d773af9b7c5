// Every sentence with every provider that it applies to, each a test case of its own: "aws: warming runs no job".
#include "bench.hpp"

#include <array>
#include <cstddef>
#include <deque>
#include <stdexcept>
#include <string>
#include <utility>

namespace tests::behaviour {
namespace suite {

constexpr std::size_t most_sentences = 40;
const std::array<const Provider*, 7> providers{&custom, &aws,          &cloud_run, &cloud_functions,
                                               &azure,  &digitalocean, &openwhisk};

// doctest takes functions without arguments, so there is one for each pair.
template <std::size_t N>
void hold() {
    sentences()[N % most_sentences].holds(*providers[N / most_sentences]);
}

template <std::size_t... N>
bool enlist(std::index_sequence<N...>) {
    static std::deque<std::string> names;  // doctest keeps the pointers
    constexpr std::array<doctest::detail::funcType, sizeof...(N)> all{&hold<N>...};
    if (sentences().size() > most_sentences) throw std::logic_error{"there are more sentences than places for them"};
    for (std::size_t n = 0; n < all.size(); ++n) {
        const auto& provider = *providers[n / most_sentences];
        if (n % most_sentences >= sentences().size()) continue;
        const auto& sentence = sentences()[n % most_sentences];
        if (!sentence.applies(provider.can)) continue;
        names.push_back(std::string{provider.name} + ": " + sentence.text);
        doctest::detail::TestCase test{all[n], __FILE__, static_cast<unsigned>(n + 1), {}};
        doctest::detail::regTest(test * names.back().c_str());
    }
    return true;
}

const bool enlisted = enlist(std::make_index_sequence<most_sentences * providers.size()>{});

}  // namespace suite
}  // namespace tests::behaviour
