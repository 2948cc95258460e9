import Graphs
import Kernels
import Operators
import Rewrites
import Tensors

/// The rules of layer-wise relevance propagation (Bach et al., 2015,
/// https://doi.org/10.1371/journal.pone.0130140), for relevances R instead of gradients.
///
/// What the walk carries is the relevance of a value itself, so that the sum over its readers is
/// right as it stands. With s = R / (y ± epsilon), the sign that of y and + for 0:
///
///     layers with weights           as their `RelevanceRule` says
///     other affine operators and    R(x) = x times the operator's own gradient for s, for each x
///     maxima (pooling, sums, ...)
///     activation functions          R(x) = R(y)
///     reshapes and movements        the operator's own rule
///
/// Everything else is refused.
struct RelevanceRules: GradientRules {
  private let composite: RelevanceComposite
  private let epsilon: Double
  private let ignoresBiases: Bool
  private let box: InputBox?
  /// By first output, the nodes that are affine in all that varies.
  private let affine: Set<Value>
  private let signs: ActivationSigns

  /// - Parameters:
  ///   - graph: a specialised graph.
  ///   - input: the input that gets the relevance.
  ///   - ignoresBiases: whether the constants that a node adds are left out of its denominators.
  ///   - box: bounds of what first layers read, where their rule asks for them.
  init(
    _ composite: RelevanceComposite, epsilon: Double, ignoresBiases: Bool, _ graph: Graph,
    to input: Value, box: InputBox? = nil
  ) {
    self.composite = composite
    self.epsilon = epsilon
    self.ignoresBiases = ignoresBiases
    self.box = box
    affine = graph.affineNodes(in: [input])
    signs = ActivationSigns(graph)
  }

  func gradients(_ context: inout GradientContext) throws(OperatorError) -> [Value?]? {
    let node = context.node
    if node.movesElements { return nil }
    let varying = node.inputs.indices.filter(context.wants)
    if node.activates {
      guard varying == [0] else {
        throw OperatorError("its parameters depend on the input; use ig, which needs no rule")
      }
      let gradient = try context.outputGradient()
      return node.inputs.indices.map { $0 == 0 ? gradient : nil }
    }
    let isAffine = affine.contains(node.outputs[0])
    if isAffine, let layer = WeightedLayer(node, varying: varying, in: context.builder.graph) {
      var relevances = [Value?](repeating: nil, count: node.inputs.count)
      relevances[layer.operand] = try relevance(through: layer, &context)
      return relevances
    }
    guard isAffine || node.selectsMaxima || ["Max", "Min"].contains(node.operatorName) else {
      let reason =
        varying.count > 1
        ? "no rule of lrp says how two values which depend on the input share what they give "
          + "other than as a sum"
        : "lrp has no rule for this operator"
      throw OperatorError("\(reason); use ig, which needs none")
    }
    return try shared(&context)
  }

  /// The epsilon rule for any operator that is its own gradient times its operands, and a constant.
  private func shared(_ context: inout GradientContext) throws(OperatorError) -> [Value?] {
    let relevance = try context.outputGradient()
    let s = try context.append(
      Formula(relevance) / stabilized(Formula(try denominator(&context))), numbersLike: relevance)
    let own = try context.ownGradients(of: context.node, s)
    var relevances: [Value?] = []
    for (index, gradient) in own.enumerated() {
      guard let gradient, let x = context.node.inputs[index] else {
        relevances.append(nil)
        continue
      }
      relevances.append(try context.append(Mul(), x, gradient))
    }
    return relevances
  }

  /// The output of the node, without the constants that it adds if biases are ignored.
  private func denominator(_ context: inout GradientContext) throws(OperatorError) -> Value {
    let node = context.node
    var inputs = node.inputs
    var adds = false
    for place in node.biasPlaces where ignoresBiases && place < inputs.count {
      guard let value = inputs[place],
        let constant = context.builder.graph.constant(of: value)
      else { continue }
      inputs[place] = context.builder.constant(
        Tensor(repeating: 0.0, shape: constant.shape).converted(to: constant.elementType))
      adds = true
    }
    return adds
      ? try context.builder.append(node.operation, inputs, name: node.name)[0] : context.output()
  }

  private func relevance(
    through layer: WeightedLayer, _ context: inout GradientContext
  ) throws(OperatorError) -> Value? {
    let x = try context.input(layer.operand)
    var rule = layer.isConvolution ? composite.convolutions : composite.products
    let bounds = box?.bounds(of: x)
    if let first = composite.first, bounds != nil { rule = first }
    switch rule {
    case .epsilon: return try shared(&context)[layer.operand]
    case .zPlus: return try positive(layer, x, &context)
    case .gamma(let gamma):
      return try gamma == 0
        ? shared(&context)[layer.operand] : favouring(layer, x, gamma, &context)
    case .zBox:
      guard let bounds else { throw OperatorError("the bounds of its input are not known") }
      return try boxed(layer, x, bounds, &context)
    }
  }
}

extension RelevanceRules {
  /// z-plus: s = R / (W⁺a⁺ + W⁻a⁻ + b⁺), R(a) = a⁺ (W⁺)ᵀs + a⁻ (W⁻)ᵀs.
  private func positive(
    _ layer: WeightedLayer, _ x: Value, _ context: inout GradientContext
  ) throws(OperatorError) -> Value {
    let parts = try parts(of: x, &context)
    let terms = try parts.enumerated().map { (index, part) throws(OperatorError) in
      try layer.append(to: &context, on: part, hasBias: index == 0 && !ignoresBiases) {
        index == 0 ? max($0, 0) : min($0, 0)
      }
    }
    let s = try quotient(terms, &context)
    var sum: Formula?
    for (index, term) in terms.enumerated() {
      let share = try product(parts[index], term, s, layer, &context)
      sum = sum.map { $0 + share } ?? share
    }
    return try context.append(sum ?? 0, numbersLike: x)
  }

  /// gamma: contributions of the sign that the output has count 1 + gamma times.
  private func favouring(
    _ layer: WeightedLayer, _ x: Value, _ gamma: Double, _ context: inout GradientContext
  ) throws(OperatorError) -> Value {
    let parts = try parts(of: x, &context)
    let relevance = try context.outputGradient()
    let y = Formula(context.output())
    var sum: Formula?
    for isPositive in signs.isRectified(context.output()) ? [true] : [true, false] {
      let terms = try parts.enumerated().map { (index, part) throws(OperatorError) in
        let favoursPositive = isPositive == (index == 0)
        return try layer.append(to: &context, on: part, hasBias: index == 0 && !ignoresBiases) {
          weight in
          weight + gamma * (favoursPositive ? max(weight, 0) : min(weight, 0))
        }
      }
      let passed = Formula(relevance).where(isPositive ? y > 0 : y < 0, else: 0)
      let s = try quotient(terms, &context, of: passed)
      for (index, term) in terms.enumerated() {
        let share = try product(parts[index], term, s, layer, &context)
        sum = sum.map { $0 + share } ?? share
      }
    }
    return try context.append(sum ?? 0, numbersLike: x)
  }

  /// z-box: s = R / (Wa - W⁺l - W⁻h), R(a) = a Wᵀs - l (W⁺)ᵀs - h (W⁻)ᵀs; biases cancel.
  private func boxed(
    _ layer: WeightedLayer, _ x: Value, _ bounds: (low: Value, high: Value),
    _ context: inout GradientContext
  ) throws(OperatorError) -> Value {
    let whole = try layer.append(to: &context, on: x, hasBias: false, nil)
    let low = try layer.append(to: &context, on: bounds.low, hasBias: false) { max($0, 0) }
    let high = try layer.append(to: &context, on: bounds.high, hasBias: false) { min($0, 0) }
    let z =
      Formula(whole.outputs[0]) - Formula(low.outputs[0]) - Formula(high.outputs[0])
    let relevance = try context.outputGradient()
    let s = try context.append(Formula(relevance) / stabilized(z), numbersLike: relevance)
    let sum =
      try product(x, whole, s, layer, &context)
      - product(bounds.low, low, s, layer, &context)
      - product(bounds.high, high, s, layer, &context)
    return try context.append(sum, numbersLike: x)
  }

  /// The positive part of a value and, unless that is all of it, the negative part.
  private func parts(
    of x: Value, _ context: inout GradientContext
  ) throws(OperatorError) -> [Value] {
    if signs.isNonnegative(x) { return [x] }
    let zero = try context.scalar(0, like: x)
    return [try context.append(Relu(), x), try context.append(Min(), x, zero)]
  }

  /// What arrives over the sum of terms.
  private func quotient(
    _ terms: [Node], _ context: inout GradientContext, of passed: Formula? = nil
  ) throws(OperatorError) -> Value {
    let relevance = try context.outputGradient()
    var z: Formula?
    for term in terms {
      let output = Formula(term.outputs[0])
      z = z.map { $0 + output } ?? output
    }
    return try context.append(
      (passed ?? Formula(relevance)) / stabilized(z ?? 0), numbersLike: relevance)
  }

  /// An operand times the gradient that a term of the layer has for s.
  private func product(
    _ operand: Value, _ term: Node, _ s: Value, _ layer: WeightedLayer,
    _ context: inout GradientContext
  ) throws(OperatorError) -> Formula {
    guard let gradient = try context.ownGradients(of: term, s)[layer.operand] else {
      throw OperatorError("the gradient is not defined")
    }
    return Formula(operand) * Formula(gradient)
  }

  private func stabilized(_ z: Formula) -> Formula {
    z + Formula(-epsilon).where(z < 0, else: Formula(epsilon))
  }
}
