import Kernels
import Tensors
import Testing

/// Elementwise kernels on the layouts of convolutions against the same kernels on row-major tensors.
@Suite struct LayoutTests {
  static let layouts: [Layout] = [.channelsLast, .blockedChannels(8), .blockedChannels(16)]
  static let shapes: [Shape] = [[2, 8, 3, 5], [2, 6, 3, 5], [3, 9, 4]]

  @Test(arguments: layouts, shapes)
  func functionsOfOneNumberAgree(layout: Layout, shape: Shape) throws {
    let workspace = Workspace()
    var generator = SplitMix64(seed: 1)
    let x = generator.tensor(shape).single
    let functions: [UnaryFunction] = [
      .relu, .negate, .sigmoid, .exp, .tanh, .hardSwish, .hardSigmoid(alpha: 0.2, beta: 0.5),
      .leakyRelu(alpha: 0.1), .elu(alpha: 1),
    ]
    for function in functions {
      let expected = try workspace.apply(function, x)
      let actual = try workspace.apply(function, x.laid(out: layout))
      #expect(distance(actual, expected, in: workspace) == 0, "\(function)")
      #expect(padsWithZeros(actual), "\(function)")
    }
  }

  @Test(arguments: layouts, shapes)
  func functionsOfTwoTensorsAgree(layout: Layout, shape: Shape) throws {
    let workspace = Workspace()
    var generator = SplitMix64(seed: 2)
    let (a, b) = (generator.tensor(shape).single, generator.tensor(shape).single)
    let functions: [BinaryFunction] = [
      .add, .subtract, .multiply, .divide, .maximum, .minimum, .reluGradient, .parametricRelu,
    ]
    for function in functions {
      let expected = try workspace.apply(function, a, b)
      for (left, right) in [
        (a.laid(out: layout), b.laid(out: layout)), (a, b.laid(out: layout)),
        (a.laid(out: layout), b),
      ] {
        let actual = try workspace.apply(function, left, right)
        #expect(distance(actual, expected, in: workspace) == 0, "\(function)")
        #expect(padsWithZeros(actual), "\(function)")
      }
    }
  }

  @Test(arguments: layouts, shapes)
  func stretchedOperandsAgree(layout: Layout, shape: Shape) throws {
    let workspace = Workspace()
    var generator = SplitMix64(seed: 3)
    let x = generator.tensor(shape).single
    let ones = [Int](repeating: 1, count: shape.rank - 2)
    let smaller: [Shape] = [
      [], Shape([shape[1]] + ones), Shape([shape[0], shape[1]] + ones),
      Shape([shape[0], 1] + ones), Shape([shape[shape.rank - 1]]),
      Shape([1] + shape.dimensions.dropFirst()),
    ]
    for other in smaller {
      let y = generator.tensor(other).single
      for function in [BinaryFunction.add, .subtract, .multiply, .divide, .maximum] {
        let forward = try workspace.apply(function, x.laid(out: layout), y)
        let backward = try workspace.apply(function, y, x.laid(out: layout))
        #expect(
          distance(forward, try workspace.apply(function, x, y), in: workspace) == 0,
          "\(function) by \(other)")
        #expect(
          distance(backward, try workspace.apply(function, y, x), in: workspace) == 0,
          "\(function) of \(other)")
        #expect(padsWithZeros(forward) && padsWithZeros(backward), "\(function) \(other)")
      }
    }
  }

  @Test func zeroPreservingFunctionsKeepTheLayout() throws {
    let workspace = Workspace()
    var generator = SplitMix64(seed: 4)
    let x = generator.tensor([2, 6, 3, 3]).single.laid(out: .blockedChannels(8))
    let gate = generator.tensor([2, 6, 1, 1]).single
    #expect(try workspace.apply(.relu, x).layout == x.layout)
    #expect(try workspace.apply(.add, x, x).layout == x.layout)
    #expect(try workspace.apply(.multiply, x, gate).layout == x.layout)
    #expect(try workspace.apply(.divide, x, gate).layout == x.layout)
    #expect(try workspace.apply(.sigmoid, x).layout == .rowMajor)
  }

  @Test(arguments: layouts)
  func clippingAgrees(layout: Layout) throws {
    let workspace = Workspace()
    var generator = SplitMix64(seed: 5)
    let (x, dy) = (generator.tensor([2, 6, 3, 3]).single, generator.tensor([2, 6, 3, 3]).single)
    for (low, high) in [(-0.5 as Float, 0.5 as Float), (0.25, 0.5)] {
      let (low, high) = (Tensor(scalar: low), Tensor(scalar: high))
      let clipped = try workspace.clip(x.laid(out: layout), minimum: low, maximum: high)
      let plain = try workspace.clip(x, minimum: low, maximum: high)
      #expect(distance(clipped, plain, in: workspace) == 0)
      #expect(padsWithZeros(clipped))
      let gradient = try workspace.clipGradient(
        dy.laid(out: layout), x.laid(out: layout), minimum: low, maximum: high)
      let plainGradient = try workspace.clipGradient(dy, x, minimum: low, maximum: high)
      #expect(distance(gradient, plainGradient, in: workspace) == 0)
    }
  }
}

extension Tensor {
  /// The same float32 elements in another layout, element by element; padding is zero.
  func laid(out layout: Layout) -> Tensor {
    let (channels, pixels) = (shape[1], shape.dropFirst(2).reduce(1, *))
    let block: Int
    switch layout {
    case .rowMajor, .bits: return self
    case .channelsLast: block = channels
    case .blockedChannels(let count): block = count
    }
    let blocks = (channels + block - 1) / block
    var memory = [Float](repeating: 0, count: layout.paddedCount(of: shape))
    for (index, element) in elements(as: Float.self).enumerated() {
      let (pixel, channel) = (index % pixels, index / pixels % channels)
      let sample = index / (pixels * channels)
      let row = (sample * blocks + channel / block) * pixels + pixel
      memory[row * block + channel % block] = element
    }
    let flat = Tensor(memory)
    return Tensor(.float32, shape, layout: layout, storage: flat.storage)
  }
}
