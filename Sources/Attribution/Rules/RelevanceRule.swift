/// How a layer with weights shares the relevance R of an output among its inputs a.
///
/// With a⁺ and a⁻ the positive and negative parts, W the weights and b the bias:
///
///     epsilon   by Wa, of Wa + b (Bach et al., 2015)
///     z-plus    by the positive contributions W⁺a⁺ + W⁻a⁻, of these + b⁺ (Montavon et al., 2017)
///     gamma     by Wa + g times the contributions of the sign of Wa + b, biases likewise
///               (Montavon et al., 2019; for inputs of both signs Andéol et al., 2021)
///     z-box     by Wa - W⁺l - W⁻h, of these, for inputs between l and h (Montavon et al., 2017)
///
/// The share that falls to a bias is lost. Every denominator z is replaced by z ± epsilon, away from 0.
enum RelevanceRule: Hashable {
  case epsilon
  case zPlus
  case gamma(Double)
  case zBox
}

/// Which rule the layers of a network follow.
struct RelevanceComposite: Hashable {
  /// The rule of layers that read the input, where it is another.
  var first: RelevanceRule?
  /// The rule of convolutions.
  var convolutions: RelevanceRule
  /// The rule of products with a matrix.
  var products: RelevanceRule

  /// One rule for all.
  init(_ rule: RelevanceRule) { (convolutions, products) = (rule, rule) }

  init(first: RelevanceRule? = nil, convolutions: RelevanceRule, products: RelevanceRule) {
    self.first = first
    self.convolutions = convolutions
    self.products = products
  }
}
