import Graphs
import Kernels
import Operators
import Rewrites
import Tensors
import Testing

/// Calibrated weights against what the definitions say, computed another way.
@Suite struct CalibrationTests {
  private func options(
    _ method: CalibrationMethod, strengths: [Double]
  ) -> CalibrationOptions {
    var options = CalibrationOptions(method)
    options.strengths = strengths
    return options
  }

  /// W' of a layer of `length` inputs by the normal equations: (E[t u^T] + shift W)(A + shift)^-1,
  /// where t = W u + b is what the layer should give.
  private func closedForm(
    _ weights: [Double], _ bias: [Double], inputs: [[Double]], strength: Double,
    _ method: CalibrationMethod
  ) -> [Double] {
    let (count, length) = (Double(inputs.count), inputs[0].count)
    func mean(_ term: ([Double]) -> Double) -> Double { inputs.reduce(0) { $0 + term($1) } / count }
    var moment = (0..<length).map { row in
      (0..<length).map { column in mean { $0[row] * $0[column] } }
    }
    let shift = strength * (0..<length).reduce(0) { $0 + moment[$1][$1] } / Double(length)
    for index in 0..<length { moment[index][index] += shift }
    let functional = eliminated(moment, (0..<length).map { index in mean { $0[index] } })
    return bias.indices.flatMap { output -> [Double] in
      let row = Array(weights[output * length..<(output + 1) * length])
      if method == .absorption { return zip(row, functional).map { $0 + bias[output] * $1 } }
      let right = (0..<length).map { index in
        mean { u in (zip(row, u).reduce(bias[output]) { $0 + $1.0 * $1.1 }) * u[index] }
          + shift * row[index]
      }
      return eliminated(moment, right)
    }
  }

  @Test(arguments: CalibrationMethod.allCases)
  func oneLayer(method: CalibrationMethod) throws {
    let pair = try CalibrationNet.pair([3]) { net, x in net.gemm("fc", x, from: 3, to: 2) }
    let pictures = RandomPictures(40, [3])
    let result = try pair.converted.calibrated(
      as: pair.reference, on: pictures.source, options(method, strengths: [0.01]))
    let expected = closedForm(
      pair.reference.numbers("fc.weight"), pair.reference.numbers("fc.bias"),
      inputs: pictures.fitted, strength: 0.01, method)
    #expect(relativeDistance(result.graph.numbers("fc.weight"), expected) < 1e-12)
    let report = try #require(result.layers.first)
    #expect(report.name == "fc" && report.operatorName == "Gemm" && report.strength == 0.01)
    #expect(report.rows == 32 && report.heldOutRows == 8 && report.patchLength == 3)
    let after = try #require(report.errorAfter)
    let held = pictures.pictures.enumerated().filter { $0.offset % 5 == 4 }.map(\.element)
    let outputs = try held.flatMap { try result.graph.output($0) }
    let targets = try held.flatMap { try pair.reference.output($0) }
    #expect(abs(relativeDistance(outputs, targets) - after) < 1e-9)
    let before = try held.flatMap { try pair.converted.output($0) }
    #expect(abs(relativeDistance(before, targets) - (report.errorBefore ?? 0)) < 1e-9)
  }

  /// Weights by inputs, a factor and a transposed input change the arrangement, not the layer.
  @Test(arguments: CalibrationMethod.allCases)
  func arrangementsOfGemm(method: CalibrationMethod) throws {
    let pictures = RandomPictures(40, [3])
    let pair = try CalibrationNet.pair([3]) { net, x in
      let weights = net.constant("fc.weight", [3, 2])
      let bias = net.constant("fc.bias", [1, 2])
      let transposed = net.node(Transpose(permutation: [1, 0]), [x], "transposed")
      return net.node(
        Gemm(alpha: 0.5, beta: 2, transposingA: true),
        net.hasBiases ? [transposed, weights, bias] : [transposed, weights], "fc")
    }
    let result = try pair.converted.calibrated(
      as: pair.reference, on: pictures.source, options(method, strengths: [0.1]))
    func rows(_ elements: [Double]) -> [Double] {
      (0..<6).map { elements[$0 % 3 * 2 + $0 / 3] * 0.5 }
    }
    let expected = closedForm(
      rows(pair.reference.numbers("fc.weight")), pair.reference.numbers("fc.bias").map { 2 * $0 },
      inputs: pictures.fitted, strength: 0.1, method)
    #expect(relativeDistance(rows(result.graph.numbers("fc.weight")), expected) < 1e-12)
  }

  /// The bias of a MatMul, or of a convolution without one, is the sum behind it.
  @Test(arguments: CalibrationMethod.allCases, [false, true])
  func sumsBehindTheLayer(method: CalibrationMethod, isSubtracted: Bool) throws {
    let pictures = RandomPictures(15, [4, 3])
    let pair = try CalibrationNet.pair([4, 3]) { net, x in
      let weights = net.constant("product.weight", [3, 2])
      let bias = net.constant("sum.bias", [2])
      let product = net.node(MatMul(), [x, weights], "product")
      guard net.hasBiases else { return net.relu(product, "y") }
      let sum = net.node(isSubtracted ? Sub() : Add(), [product, bias], "sum")
      return net.relu(sum, "y")
    }
    let result = try pair.converted.calibrated(
      as: pair.reference, on: pictures.source, options(method, strengths: [0.1]))
    let inputs = pictures.fitted.flatMap { picture in
      (0..<4).map { Array(picture[$0 * 3..<$0 * 3 + 3]) }
    }
    func rows(_ elements: [Double]) -> [Double] { (0..<6).map { elements[$0 % 3 * 2 + $0 / 3] } }
    let expected = closedForm(
      rows(pair.reference.numbers("product.weight")),
      pair.reference.numbers("sum.bias").map { isSubtracted ? -$0 : $0 }, inputs: inputs,
      strength: 0.1, method)
    #expect(relativeDistance(rows(result.graph.numbers("product.weight")), expected) < 1e-12)
    #expect(result.layers.first?.rows == 48)
  }

  /// A sum that makes the output keeps its name: the conversion has an Identity there, or the layer
  /// itself has the name.
  @Test(arguments: [false, true])
  func aSumThatIsTheOutput(isIdentity: Bool) throws {
    let pair = try CalibrationNet.pair([3]) { net, x in
      let weights = net.constant("weight", [3, 2])
      let bias = net.constant("bias", [2])
      if !net.hasBiases, !isIdentity { return net.node(MatMul(), [x, weights], "y") }
      let product = net.node(MatMul(), [x, weights], "product")
      return net.hasBiases
        ? net.node(Add(), [bias, product], "y") : net.node(Identity(), [product], "y")
    }
    for method in CalibrationMethod.allCases {
      let result = try pair.converted.calibrated(
        as: pair.reference, on: RandomPictures(30, [3]).source, CalibrationOptions(method))
      let report = try #require(result.layers.first)
      #expect(report.solution == .normalEquations)
      #expect(try #require(report.errorAfter) < #require(report.errorBefore))
    }
  }

  /// A sum that the conversion still has is no bias.
  @Test func aSumThatStays() throws {
    let pair = try CalibrationNet.pair([3]) { net, x in
      let product = net.node(MatMul(), [x, net.constant("weight", [3, 2])], "product")
      return net.node(Add(), [product, net.constant("position", [2])], "y")
    }
    let result = try pair.converted.calibrated(
      as: pair.reference, on: RandomPictures(10, [3]).source, CalibrationOptions(.absorption))
    #expect(result.layers.map(\.solution) == [.unchanged])
    #expect(result.graph.constants == pair.converted.constants)
  }

  /// Where a linear functional of every patch is 1, the network without biases is the same function:
  /// channels come in pairs x and 1 - x, and the padding does not matter.
  @Test(arguments: CalibrationMethod.allCases)
  func anAffinePlaneIsExact(method: CalibrationMethod) throws {
    let pair = try CalibrationNet.pair([4, 7, 6]) { net, x in
      let attributes: [String: AttributeValue] = [
        "strides": .ints([2, 1]), "dilations": .ints([1, 2]), "pads": .ints([1, 2, 0, 0]),
      ]
      let inner = try net.convolution(
        "conv", x, from: 4, to: 6, kernel: [3, 2], attributes, groups: 2)
      return net.node(GlobalAveragePool(), [inner], "y")
    }
    let pictures = RandomPictures(30, [4, 7, 6]) { generator in
      let planes = (0..<2).map { _ in
        (0..<42).map { _ in Double.random(in: 0...1, using: &generator) }
      }
      return planes.flatMap { plane in plane + plane.map { 1 - $0 } }
    }
    let result = try pair.converted.calibrated(
      as: pair.reference, on: pictures.source, options(method, strengths: [1e-11]))
    for picture in pictures.pictures.prefix(7) {
      let expected = try pair.reference.output(picture)
      #expect(relativeDistance(try result.graph.output(picture), expected) < 1e-7)
      #expect(relativeDistance(try pair.converted.output(picture), expected) > 0.1)
    }
    #expect(try #require(result.layers.first?.errorAfter) < 1e-6)
  }

  /// Many layers on an affine line that misses the origin.
  @Test(arguments: CalibrationMethod.allCases)
  func layersFollowEachOther(method: CalibrationMethod) throws {
    let pair = try CalibrationNet.pair([2]) { net, x in
      var value = x
      for index in 0..<3 {
        let width = [2, 3, 4, 2]
        let weights = net.constant(
          "w\(index)", [width[index + 1], width[index]], in: 0...1)
        let bias = net.constant("b\(index)", [width[index + 1]], in: 0...1)
        let inputs = net.hasBiases ? [value, weights, bias] : [value, weights]
        value = net.relu(net.node(Gemm(transposingB: true), inputs, "z\(index)"), "y\(index)")
      }
      return value
    }
    let pictures = RandomPictures(20, [2]) { generator in
      let x = Double.random(in: 0...1, using: &generator)
      return [x, 1 - x]
    }
    let result = try pair.converted.calibrated(
      as: pair.reference, on: pictures.source, options(method, strengths: [1e-9]))
    #expect(result.layers.map(\.weights) == ["w0", "w1", "w2"])
    for picture in pictures.pictures {
      let expected = try pair.reference.output(picture)
      #expect(relativeDistance(try result.graph.output(picture), expected) < 1e-6)
    }
  }

  @Test(arguments: CalibrationMethod.allCases)
  func theDualFormAgrees(method: CalibrationMethod) throws {
    let pair = try CalibrationNet.pair([4, 6, 6]) { net, x in
      try net.convolution("conv", x, from: 4, to: 6, groups: 2)
    }
    let pictures = RandomPictures(30, [4, 6, 6])
    var options = options(method, strengths: [1e-3, 1e-2, 1e-1])
    let primal = try pair.converted.calibrated(
      as: pair.reference, on: pictures.source, options)
    options.longestPatch = 17
    let dual = try pair.converted.calibrated(as: pair.reference, on: pictures.source, options)
    #expect(primal.layers.map(\.solution) == [.normalEquations])
    #expect(dual.layers.map(\.solution) == [.dual])
    #expect(primal.layers[0].strength == dual.layers[0].strength)
    for (a, b) in [
      (primal.layers[0].errorBefore, dual.layers[0].errorBefore),
      (primal.layers[0].errorAfter, dual.layers[0].errorAfter),
    ] { #expect(abs(try #require(a) - #require(b)) < 1e-9) }
    let (a, b) = (primal.graph.numbers("conv.weight"), dual.graph.numbers("conv.weight"))
    #expect(relativeDistance(a, b) < 1e-9)
    #expect(relativeDistance(a, pair.converted.numbers("conv.weight")) > 0.01)
  }

  /// Fewer patches than numbers in a patch are solved as they are, without loss.
  @Test func fewPatchesTakeTheDualForm() throws {
    let pair = try CalibrationNet.pair([50]) { net, x in net.gemm("fc", x, from: 50, to: 3) }
    let pictures = RandomPictures(20, [50])
    let result = try pair.converted.calibrated(
      as: pair.reference, on: pictures.source, CalibrationOptions(.reconstruction))
    #expect(result.layers.map(\.solution) == [.dual])
    #expect(result.layers.map(\.rows) == [16])
  }

  /// A BatchNormalization that could not be folded is a factor for each channel.
  @Test func batchNormalization() throws {
    let pair = try CalibrationNet.pair([2, 3, 3]) { net, x in
      var attributes = Attributes(["epsilon": .float(0.01)], inputCount: 5)
      let scale = net.constant("scale", [2])
      let shift = net.constant("shift", [2])
      let mean = net.constant("mean", [2])
      let variance = net.constant("variance", [2], in: 0.5...1)
      let zeros = net.builder.constant(Tensor([0.0, 0.0]), name: "zeros")
      return net.node(
        try BatchNormalization(&attributes),
        net.hasBiases ? [x, scale, shift, mean, variance] : [x, scale, zeros, zeros, variance], "y")
    }
    let pictures = RandomPictures(25, [2, 3, 3])
    for method in CalibrationMethod.allCases {
      let result = try pair.converted.calibrated(
        as: pair.reference, on: pictures.source, options(method, strengths: [1e-3]))
      let graph = pair.reference
      for channel in 0..<2 {
        let values = pictures.fitted.flatMap { $0[channel * 9..<channel * 9 + 9] }
        let factor = 1 / (graph.numbers("variance")[channel] + 0.01).squareRoot()
        let weight = graph.numbers("scale")[channel] * factor
        let bias = graph.numbers("shift")[channel] - weight * graph.numbers("mean")[channel]
        let expected = closedForm(
          [weight], [bias], inputs: values.map { [$0] }, strength: 1e-3, method)
        #expect(abs(result.graph.numbers("scale")[channel] * factor - expected[0]) < 1e-12)
      }
      #expect(result.layers.map(\.patchLength) == [1])
    }
  }

  /// No ridge helps where held-out pictures are unlike the others: the weights stay.
  @Test func weightsStayWhereNothingHelps() throws {
    let pair = try CalibrationNet.pair([2]) { net, x in net.gemm("fc", x, from: 2, to: 2) }
    var index = 0
    let pictures = RandomPictures(10, [2]) { _ in
      index += 1
      return index % 5 == 0 ? [-1, -1] : [1, 1]
    }
    for method in CalibrationMethod.allCases {
      let result = try pair.converted.calibrated(
        as: pair.reference, on: pictures.source, CalibrationOptions(method))
      let report = try #require(result.layers.first)
      #expect(report.solution == .unchanged && report.strength == nil && report.reason != nil)
      #expect(report.errorAfter == report.errorBefore)
      #expect(result.graph.constants == pair.converted.constants)
    }
  }

  /// Held-out pictures choose the strength: with noise in few patches a strong ridge is better.
  @Test func theStrengthIsTheBestOnHeldOutPictures() throws {
    let pair = try CalibrationNet.pair([12]) { net, x in
      net.gemm("fc", x, from: 12, to: 3)
    }
    let pictures = RandomPictures(20, [12])
    let strengths = CalibrationOptions(.absorption).strengths
    let errors = try strengths.map { strength -> Double in
      let result = try pair.converted.calibrated(
        as: pair.reference, on: pictures.source, options(.absorption, strengths: [strength]))
      return try #require(result.layers[0].errorAfter)
    }
    let best = try pair.converted.calibrated(
      as: pair.reference, on: pictures.source, CalibrationOptions(.absorption))
    #expect(best.layers[0].errorAfter == errors.min())
    #expect(best.layers[0].strength == strengths[errors.firstIndex(of: errors.min() ?? 0) ?? 0])
  }
}
