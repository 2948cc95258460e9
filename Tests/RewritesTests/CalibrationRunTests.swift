import Graphs
import Kernels
import Operators
import Rewrites
import Tensors
import Testing

/// What calibration keeps, and how it runs, on a network with a residual block.
@Suite struct CalibrationRunTests {
  private struct Stop: Error {}

  private func residualNet(
    _ elementType: ElementType = .float32
  ) throws -> (reference: Graph, converted: Graph) {
    try CalibrationNet.pair([3, 8, 8], elementType) { net, x in
      let pads: [String: AttributeValue] = ["pads": .ints([1, 1, 1, 1])]
      let stem = net.relu(try net.convolution("stem", x, from: 3, to: 6, pads), "stem.relu")
      let left = net.relu(
        try net.convolution("left", stem, from: 6, to: 8, pads, groups: 2), "left.relu")
      let inner = try net.convolution("inner", left, from: 8, to: 6, kernel: [1, 1])
      let right = try net.convolution("right", stem, from: 6, to: 6, kernel: [1, 1])
      let sum = net.relu(net.node(Add(), [inner, right], "sum"), "sum.relu")
      let pooled = net.node(GlobalAveragePool(), [sum], "pooled")
      return net.gemm("fc", net.node(Flatten(), [pooled], "flat"), from: 6, to: 5)
    }
  }

  private let pictures = RandomPictures(40, [3, 8, 8], .float32)

  private func options(_ method: CalibrationMethod) -> CalibrationOptions {
    var options = CalibrationOptions(method)
    options.rowLimit = 500
    return options
  }

  @Test(arguments: CalibrationMethod.allCases)
  func otherPicturesScoreAsInTheOriginal(method: CalibrationMethod) throws {
    let pair = try residualNet()
    let result = try pair.converted.calibrated(
      as: pair.reference, on: pictures.source, options(method))
    try result.graph.validate()
    let others = RandomPictures(20, [3, 8, 8], .float32, seed: 2).pictures
    let expected = try others.flatMap { try pair.reference.output($0) }
    let stripped = relativeDistance(
      try others.flatMap { try pair.converted.output($0) }, expected)
    let calibrated = relativeDistance(
      try others.flatMap { try result.graph.output($0) }, expected)
    #expect(calibrated < stripped / 2)
    #expect(Set(result.layers.map(\.name)) == ["stem", "left", "inner", "right", "fc"])
  }

  /// F(0) = 0 and F(ax) = aF(x).
  @Test(arguments: CalibrationMethod.allCases)
  func theResultIsHomogeneous(method: CalibrationMethod) throws {
    let pair = try residualNet()
    let graph = try pair.converted.calibrated(
      as: pair.reference, on: pictures.source, options(method)
    ).graph
    let zero = Tensor(repeating: 0 as Float, shape: [1, 3, 8, 8])
    #expect(try graph.output(zero).allSatisfy { $0 == 0 })
    #expect(graph.nodes.map(\.name) == pair.converted.nodes.map(\.name))
    let picture = pictures.pictures[0]
    let outputs = try graph.output(picture)
    for factor in [1e-3, 0.3, 1e3] {
      let scaled = Tensor(picture.doubles.map { Float($0 * factor) }, shape: picture.shape)
      let actual = try graph.output(scaled).map { $0 / factor }
      #expect(relativeDistance(actual, outputs) < 1e-5)
    }
  }

  @Test(arguments: CalibrationMethod.allCases)
  func theSeedDecides(method: CalibrationMethod) throws {
    let pair = try residualNet()
    func constants(seed: UInt64) throws -> [String: [Double]] {
      var options = options(method)
      options.seed = seed
      return try pair.converted.calibrated(as: pair.reference, on: pictures.source, options)
        .graph.constants
    }
    let first = try constants(seed: 1)
    #expect(try constants(seed: 1) == first)
    #expect(try constants(seed: 2) != first)
  }

  @Test(arguments: CalibrationMethod.allCases, 1...4)
  func aResumedRunGivesTheSameBits(method: CalibrationMethod, layers: Int) throws {
    let pair = try residualNet()
    let whole = try pair.converted.calibrated(
      as: pair.reference, on: pictures.source, options(method))
    var known: [String: Tensor] = [:]
    #expect(throws: Stop.self) {
      try pair.converted.calibrated(
        as: pair.reference, on: pictures.source, options(method),
        finished: { report, weights in
          known[report.weights] = weights
          if known.count == layers { throw Stop() }
        })
    }
    let resumed = try pair.converted.calibrated(
      as: pair.reference, on: pictures.source, options(method), known: known)
    #expect(resumed.graph.constants == whole.graph.constants)
    #expect(resumed.layers == Array(whole.layers.dropFirst(layers)))
  }

  @Test func progressGoesFromNothingToAll() throws {
    let pair = try residualNet()
    var shares: [Double] = []
    var done: [Int] = []
    _ = try pair.converted.calibrated(
      as: pair.reference, on: pictures.source, options(.reconstruction),
      progress: { progress in
        shares.append(progress.share)
        done.append(progress.layersDone)
        #expect(progress.layerCount == 5)
      })
    #expect(zip(shares, shares.dropFirst()).allSatisfy { $0 <= $1 })
    #expect(zip(done, done.dropFirst()).allSatisfy { $0 <= $1 })
    #expect(try #require(shares.first) < 0.2 && shares.last == 1 && done.last == 5)
    #expect(throws: Stop.self) {
      try pair.converted.calibrated(
        as: pair.reference, on: pictures.source, options(.absorption),
        progress: { if $0.share > 0.5 { throw Stop() } })
    }
  }

  /// One pass counts the pictures; then there is one for each layer in line, not for each layer.
  @Test func layersSideBySideShareAPass() throws {
    let pair = try residualNet()
    let pictures = RandomPictures(12, [3, 8, 8], .float32)
    _ = try pair.converted.calibrated(
      as: pair.reference, on: pictures.source, options(.reconstruction))
    #expect(pictures.counter.passes == 1 + 4)
  }

  @Test func rowsAreBounded() throws {
    let pair = try residualNet()
    var options = options(.reconstruction)
    options.rowLimit = 100
    let result = try pair.converted.calibrated(as: pair.reference, on: pictures.source, options)
    for layer in result.layers {
      let limit = max(100, 16 * layer.patchLength)
      #expect(layer.rows <= limit && layer.heldOutRows <= limit / 4)
      #expect(layer.name == "fc" ? layer.rows == 32 : layer.rows == min(limit, 32 * 64))
    }
  }

  /// How pictures come together in a run changes rounding only, if all places are taken.
  @Test func batchesOfAnySize() throws {
    let pair = try residualNet(.float64)
    let pictures = RandomPictures(11, [3, 8, 8])
    func constants(_ batch: Int, isFixed: Bool = false) throws -> [Double] {
      var options = CalibrationOptions(.reconstruction)
      (options.batchSize, options.isBatchFixed) = (batch, isFixed)
      return try pair.converted.calibrated(as: pair.reference, on: pictures.source, options)
        .graph.numbers("fc.weight")
    }
    let single = try constants(1)
    for batch in [2, 4, 100] { #expect(relativeDistance(try constants(batch), single) < 1e-6) }
    #expect(relativeDistance(try constants(3, isFixed: true), single) < 1)
  }

  @Test(arguments: 1...6)
  func fewPicturesAreEnough(count: Int) throws {
    let pair = try residualNet()
    for method in CalibrationMethod.allCases {
      let result = try pair.converted.calibrated(
        as: pair.reference, on: RandomPictures(count, [3, 8, 8], .float32).source,
        CalibrationOptions(method))
      #expect(result.layers.count == 5)
      #expect(result.layers.allSatisfy { $0.rows > 0 && $0.heldOutRows > 0 })
    }
  }

  @Test func noPicturesAreAnError() throws {
    let pair = try residualNet()
    #expect(throws: ModelError.self) {
      try pair.converted.calibrated(
        as: pair.reference, on: { _ in }, CalibrationOptions(.absorption))
    }
  }

  @Test(arguments: CalibrationMethod.allCases, [Double.nan, .infinity])
  func whatIsNotFiniteNamesTheLayer(method: CalibrationMethod, element: Double) throws {
    let pair = try residualNet()
    let pictures = RandomPictures(6, [3, 8, 8], .float32) { _ in
      [Double](repeating: element, count: 192)
    }
    let error = #expect(throws: ModelError.self) {
      try pair.converted.calibrated(
        as: pair.reference, on: pictures.source, CalibrationOptions(method))
    }
    #expect(error?.node?.contains("'stem'") ?? false)
  }

  /// Pictures that the model does not take, and others the second time.
  @Test func picturesThatDoNotFit() throws {
    let pair = try residualNet()
    #expect(throws: ModelError.self) {
      try pair.converted.calibrated(
        as: pair.reference, on: RandomPictures(6, [2, 8, 8], .float32).source,
        CalibrationOptions(.absorption))
    }
    var passes = 0
    #expect(throws: ModelError.self) {
      try pair.converted.calibrated(
        as: pair.reference,
        on: { body in
          passes += 1
          try RandomPictures(5 + passes, [3, 8, 8], .float32).source(body)
        }, CalibrationOptions(.absorption))
    }
  }

  @Test func weightsKeepTheirElementType() throws {
    let pair = try CalibrationNet.pair([3], .float32) { net, x in
      let weights = net.constant("weight", [2, 3], storedAs: .float16)
      let bias = net.constant("bias", [2], storedAs: .float16)
      return net.node(
        Gemm(transposingB: true), net.hasBiases ? [x, weights, bias] : [x, weights], "y")
    }
    let result = try pair.converted.calibrated(
      as: pair.reference, on: RandomPictures(20, [3], .float32).source,
      CalibrationOptions(.reconstruction))
    let value = try #require(result.graph.value(named: "weight"))
    #expect(result.graph.storedConstant(of: value)?.elementType == .float16)
    #expect(result.layers.first?.solution == .normalEquations)
  }

  /// Weights that half precision cannot hold are not written.
  @Test(arguments: CalibrationMethod.allCases)
  func weightsBeyondTheirElementTypeAreNotTaken(method: CalibrationMethod) throws {
    let pair = try CalibrationNet.pair([3], .float32) { net, x in
      let weights = net.constant("weight", [2, 3], storedAs: .float16)
      let bias = net.constant("bias", [2], in: 6e4...6.5e4)
      return net.node(
        Gemm(transposingB: true), net.hasBiases ? [x, weights, bias] : [x, weights], "y")
    }
    let pictures = RandomPictures(20, [3], .float32) { generator in
      (0..<3).map { _ in Double.random(in: 0.01...0.02, using: &generator) }
    }
    let result = try pair.converted.calibrated(
      as: pair.reference, on: pictures.source, CalibrationOptions(method))
    #expect(result.graph.constants == pair.converted.constants)
    #expect(result.layers.map(\.reason) == ["the new weights are beyond float16"])
  }

  /// Weights that are read twice stay as they are; so do layers without a bias when it is absorbed.
  @Test func layersThatAreLeftAlone() throws {
    let pair = try CalibrationNet.pair([3]) { net, x in
      let shared = net.constant("shared", [3, 3])
      let first = net.node(MatMul(), [x, shared], "first")
      let second = net.relu(net.node(MatMul(), [first, shared], "second"), "relu")
      let third = net.node(MatMul(), [second, net.constant("plain", [3, 3])], "third")
      return net.gemm("fc", third, from: 3, to: 2)
    }
    let result = try pair.converted.calibrated(
      as: pair.reference, on: RandomPictures(20, [3]).source, CalibrationOptions(.absorption))
    #expect(result.layers.map(\.weights) == ["plain", "fc.weight"])
    #expect(result.layers.map(\.solution) == [.unchanged, .normalEquations])
    #expect(result.graph.numbers("shared") == pair.converted.numbers("shared"))
  }

  @Test func constantsAreReplacedByName() throws {
    let pair = try residualNet()
    let ones = Tensor(repeating: 1.0, shape: [5, 6])
    let graph = try pair.converted.replacingConstants(["fc.weight": ones])
    try graph.validate()
    #expect(graph.numbers("fc.weight") == ones.doubles)
    #expect(graph.numbers("stem.weight") == pair.converted.numbers("stem.weight"))
    #expect(throws: ModelError.self) {
      try pair.converted.replacingConstants(["nothing": ones])
    }
    #expect(throws: ModelError.self) {
      try pair.converted.replacingConstants(["stem.weight": ones])
    }
  }
}
