package import Tensors

/// How a pooling window moves and what it averages over.
package struct PoolingParameters: Hashable, Sendable {
  package let window: SlidingWindow
  /// Whether a window that reaches beyond the padding yields an output.
  package let roundsUp: Bool
  /// Whether an average counts the padding as zeros.
  package let countsPadding: Bool

  package init(window: SlidingWindow, roundsUp: Bool = false, countsPadding: Bool = false) {
    self.window = window
    self.roundsUp = roundsUp
    self.countsPadding = countsPadding
  }
}

extension Workspace {
  /// The maximum of `x` (N x C x spatial) in each window, in the layout of `x`. A NaN in a window is
  /// its maximum; a window without elements yields the least number.
  package func maximumPooling(
    _ x: Tensor, _ parameters: PoolingParameters
  ) throws(KernelError) -> Tensor {
    try maxima(x, parameters, recording: false).maxima
  }

  /// `maximumPooling` and for each maximum which place of its window has it first, int32, counted over
  /// the part of the window that lies in `x`; both in one layout.
  package func maximumPoolingChoices(
    _ x: Tensor, _ parameters: PoolingParameters
  ) throws(KernelError) -> (maxima: Tensor, choices: Tensor) {
    let (maxima, choices) = try maxima(x, parameters, recording: true)
    return (maxima, choices ?? tensor(.int32, maxima.shape))
  }

  private func maxima(
    _ x: Tensor, _ parameters: PoolingParameters, recording: Bool
  ) throws(KernelError) -> (maxima: Tensor, choices: Tensor?) {
    let places = try PoolingPlaces(x.shape, parameters)
    let x = try pooled(x)
    let choices = recording ? tensor(.int32, places.output, layout: x.layout) : nil
    let maxima =
      switch (x.elementType, x.layout) {
      case (.float32, .blockedChannels(16)): maximum(x, choices, places, SIMD16<Float>.self)
      case (.float32, .blockedChannels): maximum(x, choices, places, SIMD8<Float>.self)
      case (.float32, _): maximum(x, choices, places, Float.self)
      case (.float64, _): maximum(x, choices, places, Double.self)
      case (.int8, _): maximum(x, choices, places, Int8.self)
      case (.uint8, _): maximum(x, choices, places, UInt8.self)
      default: throw KernelError("the maximum of \(x.elementType) windows is not defined")
      }
    return (maxima, choices)
  }

  /// The gradient of `maximumPooling` with respect to its input, of shape `shape`: each element of
  /// `dy` goes to the chosen place of its window.
  package func maximumPoolingGradient(
    _ dy: Tensor, at choices: Tensor, shape: Shape, _ parameters: PoolingParameters
  ) throws(KernelError) -> Tensor {
    try maximumGradient(dy, choices, shape, parameters, path: nil)
  }

  /// The mean gradient of `maximumPooling` while each of `parts` equal parts of `x`, which lie behind each
  /// other along the first dimension, moves on a straight line to the next one; at the last part its
  /// gradient there.
  ///
  /// Each place of a window gets the share of dy that is the part of the way on which it has the maximum:
  /// for places on straight lines, the upper envelope of these.
  package func meanMaximumPoolingGradient(
    _ dy: Tensor, _ x: Tensor, parts: Int, _ parameters: PoolingParameters
  ) throws(KernelError) -> Tensor {
    let x = try pooled(x)
    let choices = try maxima(x, parameters, recording: true).choices
    guard let choices else { throw KernelError("no maxima") }
    return try maximumGradient(dy, choices, x.shape, parameters, path: (x, parts))
  }

  private func maximumGradient(
    _ dy: Tensor, _ choices: Tensor, _ shape: Shape, _ parameters: PoolingParameters,
    path: (x: Tensor, parts: Int)?
  ) throws(KernelError) -> Tensor {
    let places = try PoolingPlaces(shape, parameters)
    let dy = dy.elementType == .float32 ? try reordered(dy, to: choices.layout) : rowMajor(dy)
    return switch (dy.elementType, dy.layout) {
    case (.float32, .blockedChannels(16)):
      maximumGradient(dy, choices, shape, places, path, SIMD16<Float>.self)
    case (.float32, .blockedChannels):
      maximumGradient(dy, choices, shape, places, path, SIMD8<Float>.self)
    case (.float32, _): maximumGradient(dy, choices, shape, places, path, Float.self)
    case (.float64, _): maximumGradient(dy, choices, shape, places, path, Double.self)
    default: throw KernelError("\(dy.elementType) has no gradient")
    }
  }

  /// Where the maximum of each window lies: row-major places in `x`, or with `isColumnMajor` places
  /// whose spatial part runs along the first dimension first.
  package func maximumPoolingIndices(
    _ x: Tensor, isColumnMajor: Bool, _ parameters: PoolingParameters
  ) throws(KernelError) -> Tensor {
    let places = try PoolingPlaces(x.shape, parameters)
    let x = rowMajor(x)
    return switch x.elementType {
    case .float32: maximumIndices(x, isColumnMajor, places, Float.self)
    case .float64: maximumIndices(x, isColumnMajor, places, Double.self)
    case .int8: maximumIndices(x, isColumnMajor, places, Int8.self)
    case .uint8: maximumIndices(x, isColumnMajor, places, UInt8.self)
    default: throw KernelError("the maximum of \(x.elementType) windows is not defined")
    }
  }

  /// The mean of `x` (N x C x spatial) over each window, in the layout of `x`; 0 for a window
  /// without elements.
  package func averagePooling(
    _ x: Tensor, _ parameters: PoolingParameters
  ) throws(KernelError) -> Tensor {
    let places = try PoolingPlaces(x.shape, parameters)
    let x = try pooled(x)
    return switch (x.elementType, x.layout) {
    case (.float32, .blockedChannels(16)): average(x, places, SIMD16<Float>.self)
    case (.float32, .blockedChannels): average(x, places, SIMD8<Float>.self)
    case (.float32, _): average(x, places, Float.self)
    case (.float64, _): average(x, places, Double.self)
    default: throw KernelError("the average of \(x.elementType) windows is not defined")
    }
  }

  /// The gradient of `averagePooling` with respect to its input, of shape `shape`.
  package func averagePoolingGradient(
    _ dy: Tensor, shape: Shape, _ parameters: PoolingParameters
  ) throws(KernelError) -> Tensor {
    let places = try PoolingPlaces(shape, parameters)
    let dy = try pooled(dy)
    return switch (dy.elementType, dy.layout) {
    case (.float32, .blockedChannels(16)): averageGradient(dy, shape, places, SIMD16<Float>.self)
    case (.float32, .blockedChannels): averageGradient(dy, shape, places, SIMD8<Float>.self)
    case (.float32, _): averageGradient(dy, shape, places, Float.self)
    case (.float64, _): averageGradient(dy, shape, places, Double.self)
    default: throw KernelError("\(dy.elementType) has no gradient")
    }
  }

  /// `x` in a layout whose planes hold what pooling works on at one place: blocks of channels where
  /// there are enough of them, since those go through vector registers.
  private func pooled(_ x: Tensor) throws(KernelError) -> Tensor {
    switch x.layout {
    case .blockedChannels(8), .blockedChannels(16): x
    default:
      x.elementType == .float32 && x.shape[1] >= 8
        ? try reordered(x, to: .blockedChannels(16)) : rowMajor(x)
    }
  }
}

extension Workspace {
  private func maximum<L: MaximumLane>(
    _ x: Tensor, _ choices: Tensor?, _ places: PoolingPlaces, _ lane: L.Type
  ) -> Tensor {
    let result = tensor(x.elementType, places.output, layout: x.layout)
    let planes = result.lanes(of: L.self) / max(places.outputSize, 1)
    let target = result.pointer(to: L.self)
    let source = x.pointer(to: L.self)
    let chosen = choices?.pointer(to: Int32.self)
    parallel(planes, grain: 1) { range in
      for plane in range {
        let input = source + plane * places.inputSize
        let output = target + plane * places.outputSize
        let noted = chosen.map { $0 + plane * places.outputSize * L.width }
        L.storeMaxima(of: input, places, to: output, noted)
      }
    }
    return result
  }

  private func maximumGradient<L: MaximumLane>(
    _ dy: Tensor, _ choices: Tensor, _ shape: Shape, _ places: PoolingPlaces,
    _ path: (x: Tensor, parts: Int)?, _ lane: L.Type
  ) -> Tensor {
    let result = tensor(dy.elementType, shape, layout: dy.layout)
    let planes = result.lanes(of: L.self) / max(places.inputSize, 1)
    let target = result.pointer(to: L.self)
    let (chosen, gradient) = (choices.pointer(to: Int32.self), dy.pointer(to: L.self))
    let source = path?.x.pointer(to: L.self)
    let partSize = planes / max(path?.parts ?? 1, 1)
    parallel(planes, grain: 1) { range in
      for plane in range {
        let next = plane + partSize < planes ? plane + partSize : plane
        let successor = source.map {
          PoolingSuccessor(
            start: $0 + plane * places.inputSize, end: $0 + next * places.inputSize,
            choices: chosen + next * places.outputSize * L.width)
        }
        L.scatter(
          gradient + plane * places.outputSize, at: chosen + plane * places.outputSize * L.width,
          onTheWayTo: successor, places, to: target + plane * places.inputSize)
      }
    }
    return result
  }

  private func maximumIndices<L: ScalarLane>(
    _ x: Tensor, _ isColumnMajor: Bool, _ places: PoolingPlaces, _ lane: L.Type
  ) -> Tensor {
    let result = tensor(.int64, places.output)
    let target = result.pointer(to: Int64.self)
    let source = x.pointer(to: L.self)
    for plane in 0..<(result.elementCount / max(places.outputSize, 1)) {
      let input = source + plane * places.inputSize
      places.forEachWindow { index, window in
        let choice = L.maximum(of: input, window)?.place ?? 0
        let place = isColumnMajor ? places.columnMajor(choice) : choice
        target[plane * places.outputSize + index] = Int64(plane * places.inputSize + place)
      }
    }
    return result
  }

  private func average<L: AverageLane>(
    _ x: Tensor, _ places: PoolingPlaces, _ lane: L.Type
  ) -> Tensor {
    let result = tensor(x.elementType, places.output, layout: x.layout)
    let planes = result.lanes(of: L.self) / max(places.outputSize, 1)
    let target = result.pointer(to: L.self)
    let source = x.pointer(to: L.self)
    parallel(planes, grain: 1) { range in
      for plane in range {
        let input = source + plane * places.inputSize
        let output = target + plane * places.outputSize
        places.forEachWindow { index, window in
          var sum = L.zero
          window.forEachRow { first, step, count in
            var row = L.zero
            for place in 0..<count { row.add(input[first + place * step]) }
            sum.add(row)
          }
          output[index] = sum.divided(by: window.counted)
        }
      }
    }
    return result
  }

  private func averageGradient<L: AverageLane>(
    _ dy: Tensor, _ shape: Shape, _ places: PoolingPlaces, _ lane: L.Type
  ) -> Tensor {
    let result = tensor(dy.elementType, shape, layout: dy.layout)
    let planes = result.lanes(of: L.self) / max(places.inputSize, 1)
    let target = result.pointer(to: L.self)
    let gradient = dy.pointer(to: L.self)
    parallel(planes, grain: 1) { range in
      for plane in range {
        let sums = target + plane * places.inputSize
        let output = gradient + plane * places.outputSize
        for index in 0..<places.inputSize { sums[index] = L.zero }
        places.forEachWindow { index, window in
          let share = output[index].divided(by: window.counted)
          window.forEachPlace { place in sums[place].add(share) }
        }
      }
    }
    return result
  }
}

extension Tensor {
  fileprivate func lanes<L>(of type: L.Type) -> Int { byteCount / MemoryLayout<L>.stride }

  fileprivate func pointer<L>(to type: L.Type) -> UnsafeMutablePointer<L> {
    address.assumingMemoryBound(to: L.self)
  }
}
